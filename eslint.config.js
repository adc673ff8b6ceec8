import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import tseslint from 'typescript-eslint'

const nodeGlobals = [
  ...['process', 'console', 'performance', 'setTimeout', 'clearTimeout'],
  ...['URL', 'TextEncoder', 'TextDecoder', 'AbortController', 'AbortSignal', 'fetch', 'WebAssembly'],
]

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/generated/**',
      '**/node_modules/**',
      '.turbo/**',
      '**/assembly/**',
      'runs/**',
      'docs/api/**',
      'apps/cli/page/**',
    ],
  },
  { ignores: ['tooling/release/rehearsal/programs/**', 'tooling/packages/extended/**'] }, // what others write, outside this workspace
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: 'tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off', // an interface may ask for a promise that one backend has at once
      eqeqeq: 'error',
    },
  },
  // Not both for all: a component is looked for in every program that is named.
  {
    files: ['apps/web/**'],
    languageOptions: { parserOptions: { project: 'apps/web/tsconfig.json', extraFileExtensions: ['.svelte'] } },
  },
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { parser: tseslint.parser },
    },
    // svelte-check sees to names; the compiler's own form of a store or a class's state is none of theirs.
    rules: { 'no-undef': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      parserOptions: { project: false },
      globals: Object.fromEntries(nodeGlobals.map((name) => [name, 'readonly'])),
    },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
)
