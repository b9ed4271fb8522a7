//! The help of the command as a whole: its commands by what they are for. What each does is said where it is defined.

use clap::Command;
use clap::builder::styling::AnsiColor;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The commands; every one is in one group.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Pipelines", &["run", "check", "plan", "submit", "checkpoint"]),
    ("Operators", &["new", "build", "test", "dev", "inspect", "conformance", "toolchain", "cache"]),
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
        let subcommands: Vec<_> = names.iter().filter_map(|name| command.find_subcommand(name)).collect();
        if subcommands.is_empty() {
            continue;
        }
        text += &format!("{heading}{group}:{heading:#}\n");
        for subcommand in subcommands {
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

/// What other programs call what a command does.
const OTHER_NAMES: [(&str, &[&str]); 9] = [
    ("ps", &["ls", "list", "jobs", "status", "get", "job"]),
    ("show", &["describe", "info", "status"]),
    ("check", &["validate", "lint", "verify"]),
    ("deploy", &["apply", "create", "up", "upload"]),
    ("stop", &["kill", "cancel", "pause", "down"]),
    ("start", &["resume", "restart"]),
    ("rm", &["delete", "remove", "destroy"]),
    ("new", &["init", "generate"]),
    ("serve", &["server", "daemon", "cluster"]),
];

/// What the parser says of numbers, and what is said instead.
const OF_NUMBERS: [(&str, &str); 3] = [
    ("invalid digit found in string", "it is not a whole number"),
    ("cannot parse integer from empty string", "it is not a whole number"),
    ("number too large to fit in target type", "the number is too large"),
];

/// An error of the command line, in words that help.
pub(crate) fn explained(mut error: clap::Error) -> clap::Error {
    match error.kind() {
        ErrorKind::InvalidSubcommand => pointing_to_commands(error),
        ErrorKind::UnknownArgument => {
            // That the option could be a value behind `--` is never what was meant.
            error.remove(ContextKind::Suggested);
            let is_short = |arg: &str| arg.starts_with('-') && !arg.starts_with("--");
            if matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(arg)) if is_short(arg)) {
                let tip = "options have long names, such as `--parallelism`; `--help` lists them";
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
            error
        }
        ErrorKind::ValueValidation => {
            let text = error.render().to_string();
            match OF_NUMBERS.iter().find(|(parser, _)| text.contains(parser)) {
                Some((parser, words)) => {
                    let text = text.strip_prefix("error: ").unwrap_or(&text).replacen(parser, words, 1);
                    clap::Error::raw(ErrorKind::ValueValidation, text)
                }
                None => error,
            }
        }
        _ => error,
    }
}

/// An error about a command that there is not, with those that do what its name says elsewhere.
fn pointing_to_commands(mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    if GROUPS.iter().any(|(_, names)| names.contains(&name.as_str())) {
        let left_out = format!(
            "this weir was built without a server and its commands, of which `{name}` is one; build it with `--features server`\n"
        );
        return clap::Error::raw(ErrorKind::InvalidSubcommand, left_out);
    }
    let meant = OTHER_NAMES.iter().filter(|(_, others)| others.contains(&name.as_str()));
    let meant: Vec<String> = meant.map(|(command, _)| (*command).to_owned()).collect();
    if !meant.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(meant));
    }
    error
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
