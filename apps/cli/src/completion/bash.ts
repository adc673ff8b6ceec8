import type { CommandWords } from './words'
import { quoted } from './quoted'

const words = (list: readonly string[]): string => quoted(list.join(' '))

/** The completion of a program for bash 3.2 and later. */
export const bashCompletion = (
  name: string,
  commands: readonly CommandWords[],
): string => `# Completion of ${name} for bash: source <(${name} completion bash)
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' word list='' front='' i
  # --model=cnn is three words to bash.
  if [[ $cur == = ]]; then cur=''; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
${commands
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      ${quoted(` ${path}`)}) path="$path $word" ;;`)
  .join('\n')}
    esac
  done
  case "$path $prev" in
${commands
  .flatMap(({ path, options }) =>
    options.flatMap(({ names, takes }) =>
      takes === 'nothing'
        ? []
        : [
            `    ${names.map((option) => quoted(`${path === '' ? '' : ` ${path}`} ${option}`)).join('|')}) ${takes === 'anything' ? 'return' : `list=${words(takes)}`} ;;`,
          ],
    ),
  )
  .join('\n')}
  esac
  if [[ -n $list ]]; then
    if [[ $cur == *,* ]]; then front=\${cur%,*},; fi # a list: its last part
    COMPREPLY=($(compgen -P "$front" -W "$list" -- "\${cur##*,}"))
    return
  fi
  case "$path" in
${commands
  .map(
    ({ path, commands, options, values }) =>
      `    ${quoted(path === '' ? '' : ` ${path}`)}) if [[ $cur == -* ]]; then list=${words(options.flatMap(({ names }) => names))}; else list=${words([...commands.map(({ word }) => word), ...values])}; fi ;;`,
  )
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$list" -- "$cur"))
}
complete -o default -F _${name} ${name}
`
