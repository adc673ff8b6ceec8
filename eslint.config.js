// The rules for the page's components, and Svelte's for the sources beside them; .oxlintrc.jsonc has those for everything else.
import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import tseslint from 'typescript-eslint'

const components = ['apps/web/**/*.svelte']

export default tseslint.config(
  {
    ignores: [
      ...['**/dist/**', '**/generated/**', '**/node_modules/**', '.turbo/**', 'runs/**', 'docs/api/**'],
      ...['apps/cli/page/**', 'tooling/release/rehearsal/programs/**'],
    ],
  },
  // Without what they say of *.ts alone: those are oxlint's.
  ...[js.configs.recommended, ...tseslint.configs.recommendedTypeChecked]
    .filter((config) => !('files' in config))
    .map((config) => ({ ...config, files: components })),
  ...svelte.configs.recommended.map((config) => ({ files: ['apps/web/**/*.{svelte,ts}'], ...config })),
  {
    files: components,
    languageOptions: {
      parserOptions: {
        parser: tseslint.parser,
        project: 'apps/web/tsconfig.components.json',
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off', // an interface may ask for a promise that one backend has at once
      eqeqeq: 'error',
      'no-undef': 'off', // svelte-check sees to names
    },
  },
  // Without types: none of Svelte's rules asks for them here. Directives are oxlint's.
  {
    files: ['apps/web/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { parser: tseslint.parser } },
    linterOptions: { reportUnusedDisableDirectives: 'off' },
  },
  // The one rule that oxlint has for TypeScript alone.
  {
    files: ['**/*.{js,mjs,cjs}'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: { '@typescript-eslint/ban-ts-comment': 'error' },
    linterOptions: { reportUnusedDisableDirectives: 'off' },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
)
