//! `weir completions`: a script that teaches a shell the commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

/// Options of `weir completions`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir completions bash > ~/.local/share/bash-completion/completions/weir
  weir completions zsh > ~/.zfunc/_weir
  weir completions fish > ~/.config/fish/completions/weir.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Writes the script to standard output.
pub(crate) fn execute<C: CommandFactory>(args: &Args) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut C::command(), "weir", &mut script);
    crate::terminal::print_bytes(&script)
}
