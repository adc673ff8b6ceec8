import type { Theme } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import { LiveCell, RunAll } from './live-cell'
import './style.css'

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('LiveCell', LiveCell)
    app.component('RunAll', RunAll)
  },
} satisfies Theme
