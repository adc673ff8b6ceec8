import { defineConfig } from 'vitepress'
import { anchorOf } from '../anchors'
import { sidebar } from '../navigation'
import { repository } from '../pages'

// Under which path the site lies: said by "npm run site -- --base /digitlab/docs/".
const base = process.env['DIGITLAB_SITE_BASE'] ?? '/'

export default defineConfig({
  title: 'digitlab',
  description:
    'MNIST models in TypeScript, in Node, a browser or on a GPU, with the run that PyTorch gives from the same seed',
  lang: 'en',
  base,
  head: [['link', { rel: 'icon', href: `${base}favicon.svg`, type: 'image/svg+xml' }]],
  srcDir: 'generated',
  outDir: 'dist',
  cleanUrls: false,
  // As the reader's system has it, which pictures follow too: a switch would change the page and leave them.
  appearance: 'force-auto',
  // The API's pages are typedoc's, and are put there afterwards.
  ignoreDeadLinks: [/^\.?\/?api\//],
  // Without attributes in braces: an experiment's JSON in a cell of a table is text.
  markdown: { anchor: { slugify: anchorOf }, attrs: { disable: true } },
  themeConfig: {
    nav: [
      { text: 'Walk', link: '/walk' },
      { text: 'Command', link: '/command' },
      { text: 'API', link: '/api/index.html', target: '_self' },
      { text: 'Performance', link: '/performance' },
    ],
    sidebar: sidebar(),
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    docFooter: { prev: 'Previous', next: 'Next' },
    externalLinkIcon: true,
    footer: { message: `MIT licence, <a href="${repository}">source code</a>` },
  },
  vite: {
    worker: { format: 'es' },
    build: { chunkSizeWarningLimit: 2000, target: 'es2022' },
  },
})
