import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script with which a shell completes commands and options, for `eval` or `source`. Ends with a line break. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    flags: flagsOf(program, command),
  }));
  if (shell === 'fish') return fish(commands);
  const script = bash(commands);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly long: string; readonly description: string }[];
}

function flagsOf(program: Command, command: Command): Completed['flags'] {
  const all = [...command.options, ...program.options];
  return all.flatMap(({ long, description }) => (long ? [{ long, description }] : []));
}

function bash(commands: readonly Completed[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const cases = commands.map(({ name, flags }) => `    ${name}) words="${flags.map(({ long }) => long).join(' ')}" ;;`);
  return `_rollcall() {
  local words cur="\${COMP_WORDS[COMP_CWORD]}"
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="${names}" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names} --help --version"; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _rollcall rollcall
`;
}

function fish(commands: readonly Completed[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c rollcall -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...flags.map(
      ({ long, description }) =>
        `complete -c rollcall -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)} -d ${quoted(description)}`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}
