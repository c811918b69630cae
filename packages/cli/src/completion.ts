import type { Command } from 'commander';
import { exitCodes, ToolError } from './errors.ts';

interface Node { path: string; words: string[] }

function nodes(command: Command, path = ''): Node[] {
  const options = [...command.options, ...(command.parent?.options ?? []), ...(command.parent?.parent?.options ?? [])];
  const words = [...command.commands.map((one) => one.name()), ...new Set(options.flatMap(({ long }) => long ?? []))];
  return [{ path, words }, ...command.commands.flatMap((one) => nodes(one, `${path} ${one.name()}`.trim()))];
}

/** A script for the shell, made from the commands themselves. For a shell function called `rappel`. The names keep clear of zsh's own `words` and `path`. */
export function completionScript(program: Command, shell: string): string {
  const all = nodes(program);
  const cases = all.map(({ path, words }) => `    "${path}") known="${words.join(' ')}" ;;`).join('\n');
  const bash = `_rappel() {
  local known="" said="" one
  for one in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $one == -* ]] || said="\${said:+$said }$one"; done
  while :; do
    case "$said" in
${cases}
      *) [[ $said == *" "* ]] && said="\${said% *}" || said=""; continue ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$known" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _rappel rappel
`;
  if (shell === 'bash') return bash;
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bash}`;
  if (shell === 'fish') {
    return `${all.flatMap(({ path, words }) => words.filter((word) => !word.startsWith('-')).map((word) =>
      (path === '' ? `complete -c rappel -f -n __fish_use_subcommand -a ${word}` : `complete -c rappel -f -n '__fish_seen_subcommand_from ${path.split(' ').at(-1)}' -a ${word}`))).join('\n')}\n`;
  }
  throw new ToolError('a shell is bash, zsh or fish', exitCodes.usage);
}
