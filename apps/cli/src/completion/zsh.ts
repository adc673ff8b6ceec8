import { quoted } from './quoted'
import type { CommandWords, OptionWords, Word } from './words'

/** 'word:what it says', as _describe takes it. */
const described = ({ word, says }: Word): string =>
  quoted(`${word.replaceAll(':', '\\:')}${says === '' ? '' : `:${says}`}`)

const optionsOf = (options: readonly OptionWords[]): Word[] =>
  options.flatMap(({ names, says }) => names.map((word) => ({ word, says })))

/** The completion of a program for zsh. */
export const zshCompletion = (name: string, commands: readonly CommandWords[]): string => `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), after compinit
_${name}() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} place='' word
  local -a list
  for word in \${words[2,CURRENT-1]}; do
    case "$place $word" in
${commands
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quoted(` ${path}`)}) place="$place $word" ;;`)
  .join('\n')}
    esac
  done
  if [[ $cur == --*=* ]]; then prev=\${cur%%=*}; compset -P '*='; fi
  case "$place $prev" in
${commands
  .flatMap(({ path, options }) =>
    options.flatMap(({ names, takes }) =>
      takes === 'nothing'
        ? []
        : [
            `    ${names.map((option) => quoted(`${path === '' ? '' : ` ${path}`} ${option}`)).join('|')}) ${takes === 'anything' ? '_files; return' : `list=(${takes.map(quoted).join(' ')})`} ;;`,
          ],
    ),
  )
  .join('\n')}
  esac
  if (( $#list )); then
    compset -P '*,' # a list: its last part
    compadd -a list
    return
  fi
  case "$place" in
${commands
  .map(
    ({ path, commands, options, values }) =>
      `    ${quoted(path === '' ? '' : ` ${path}`)}) if [[ $cur == -* ]]; then list=(${optionsOf(options).map(described).join(' ')}); else list=(${[...commands, ...values.map((word) => ({ word, says: '' }))].map(described).join(' ')}); fi ;;`,
  )
  .join('\n')}
  esac
  (( $#list )) && _describe ${name} list
  [[ $cur == -* ]] || _files
}
compdef _${name} ${name}
`
