import { quoted } from './quoted'
import type { CommandWords } from './words'

const line = (name: string, path: string, ...rest: readonly string[]): string =>
  [`complete -c ${name} -n ${quoted(`__${name}_at ${quoted(path)}`)}`, ...rest].join(' ')

const saying = (says: string): string[] => (says === '' ? [] : [`-d ${quoted(says)}`])

/** The completion of a program for fish. */
export const fishCompletion = (
  name: string,
  commands: readonly CommandWords[],
): string => `# Completion of ${name} for fish: ${name} completion fish | source
function __${name}_at --description 'whether the words so far lead to a command'
  set -l place ''
  for word in (commandline -opc)[2..-1]
    switch (string trim -- "$place $word")
${commands
  .filter(({ path }) => path !== '')
  .map(
    ({ path }) => `      case ${quoted(path)}
        set place (string trim -- "$place $word")`,
  )
  .join('\n')}
    end
  end
  test "$place" = "$argv[1]"
end
complete -c ${name} -e
${commands
  .flatMap(({ path, commands, options, values }) => [
    ...commands.map(({ word, says }) => line(name, path, `-a ${word}`, ...saying(says))),
    ...(values.length === 0 ? [] : [line(name, path, `-a ${quoted(values.join(' '))}`)]),
    ...options.map(({ names, says, takes }) =>
      line(
        name,
        path,
        ...names.map((option) => (option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`)),
        ...(takes === 'nothing' ? [] : takes === 'anything' ? ['-r'] : ['-x', `-a ${quoted(takes.join(' '))}`]),
        ...saying(says),
      ),
    ),
  ])
  .join('\n')}
`
