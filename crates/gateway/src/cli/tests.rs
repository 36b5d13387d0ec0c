use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

/// The help of every command as one text, so that a change of the command line is seen in review.
#[test]
fn the_help_of_every_command() {
    let mut text = String::new();
    let mut command = Cli::command().term_width(110);
    command.build();
    collect(&mut command, &mut text);
    insta::assert_snapshot!(text);
}

fn collect(command: &mut clap::Command, text: &mut String) {
    text.push_str(&format!("{}\n\n", command.render_long_help()));
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        collect(inner, text);
    }
}

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn wrong_calls_are_refused() {
    for words in [
        &["stentor"][..],
        &["stentor", "server"],
        &["stentor", "serve", "--operator-token", "x"],
        &["stentor", "events", "get", "../tenants"],
        &["stentor", "listen", "--status", "99"],
        &["stentor", "listen", "--fail-rate", "2"],
        &["stentor", "tokens", "create", "--name", "x"],
        &["stentor", "webhooks", "update", "wh_1", "--pause", "--resume"],
    ] {
        let error = Cli::try_parse_from(words).map(|_| ()).expect_err("refused");
        assert_eq!(error.exit_code(), 2, "{words:?}");
        assert_ne!(error.kind(), ErrorKind::DisplayVersion);
    }
}

#[test]
fn how_it_ends_is_told_by_the_exit_code() {
    let code = |error: CliError| format!("{:?}", error.report());
    assert_eq!(code(CliError::Usage("x".into())), format!("{:?}", ExitCode::from(2)));
    assert_eq!(code(CliError::Refused("x".into())), format!("{:?}", ExitCode::from(1)));
    assert_eq!(code(CliError::OutputClosed), format!("{:?}", ExitCode::from(1)));
}
