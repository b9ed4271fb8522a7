//! The help of the command as a whole: its commands by what they are for. What each does is said where it is defined.

use clap::Command;
use clap::builder::styling::AnsiColor;

/// The commands; every one is in one group.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Pipelines", &["run", "check", "checkpoint"]),
    ("Operators", &["new", "build", "inspect", "cache"]),
    ("A server", &["serve", "token", "push", "operator"]),
    (
        "Jobs of a server",
        &["deploy", "ps", "show", "top", "logs", "swap", "rollback", "dlq", "savepoint", "stop", "start", "rm"],
    ),
    ("This command", &["completions", "help"]),
];

/// The command with its subcommands in groups, for which clap itself has no headings.
pub(crate) fn grouped(mut command: Command) -> Command {
    command.build();
    let (heading, literal) = (AnsiColor::Blue.on_default().bold(), AnsiColor::Green.on_default());
    let mut text = String::new();
    for (group, names) in GROUPS {
        text += &format!("{heading}{group}:{heading:#}\n");
        for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            text += &format!("  {literal}{:<12}{literal:#}{about}\n", subcommand.get_name());
        }
        text.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}{heading}Options:{heading:#}\n{{options}}{{after-help}}"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let mut command = crate::Cli::command();
        command.build();
        let mut there: Vec<_> =
            command.get_subcommands().filter(|of| !of.is_hide_set()).map(Command::get_name).collect();
        let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        there.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(grouped, there);
    }
}
