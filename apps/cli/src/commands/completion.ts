import { Argument, type Command } from 'commander'
import { bashCompletion } from '../completion/bash'
import { fishCompletion } from '../completion/fish'
import { wordsOf, type CommandWords } from '../completion/words'
import { zshCompletion } from '../completion/zsh'
import { writeScript } from '../output'
import { outlined } from './outline'

const shells: Readonly<Record<string, (name: string, commands: readonly CommandWords[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** @param program whose commands are completed */
export const completionCommand = (program: () => Promise<Command>): Command =>
  outlined('completion')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)))
    .addHelpText(
      'after',
      "\nFor good:\n  bash   echo 'source <(digitlab completion bash)' >> ~/.bashrc\n  zsh    echo 'source <(digitlab completion zsh)' >> ~/.zshrc   (after compinit)\n  fish   digitlab completion fish > ~/.config/fish/completions/digitlab.fish",
    )
    .action(async (shell: string) => {
      const of = await program()
      writeScript(shells[shell]?.(of.name(), wordsOf(of)) ?? '')
    })
