//! Logs: one record a line to standard error, whatever remote parties put into it (reliability S22).
//!
//! The engine writes one wide line per attempt under the target `stentor::attempt`.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::config::{LogConfig, LogFormat};

/// Sends all logs of the process to standard error from now on.
///
/// # Errors
/// When logs go somewhere already.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    subscriber(config, colours, std::io::stderr).try_init()?;
    Ok(())
}

fn subscriber<W>(config: &LogConfig, colours: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = config.level.targets();
    match config.format {
        LogFormat::Json => {
            // JSON itself escapes every control character that could start a line or an escape sequence.
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
            Box::new(Registry::default().with(layer.with_writer(writer).with_filter(targets)))
        }
        LogFormat::Pretty => {
            let fields = debug_fn(|out, field, value| {
                let value = Escaped(format_args!("{value:?}"));
                if field.name() == "message" {
                    write!(out, "{value}")
                } else {
                    write!(out, "{field}={value}")
                }
            });
            let layer = tracing_subscriber::fmt::layer().with_ansi(colours).fmt_fields(fields.delimited(" "));
            Box::new(Registry::default().with(layer.with_writer(writer).with_filter(targets)))
        }
    }
}

/// Text in which control characters (C0, DEL, C1) are written as escapes.
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(char::is_control) {
            self.0.write_str(&rest[..at])?;
            let control = rest[at..].chars().next().unwrap_or_default();
            write!(self.0, "{}", control.escape_default())?;
            rest = &rest[at + control.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(config: &LogConfig) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let hostile = "a\nb\x1b[2J\u{9b}31m\r";
        tracing::subscriber::with_default(subscriber(config, false, move || writer.clone()), || {
            tracing::info!(shown = %hostile, quoted = hostile, "{hostile}");
            tracing::debug!("below the level");
        });
        String::from_utf8(kept.0.lock().expect("no panic").clone()).expect("UTF-8")
    }

    #[test]
    fn a_hostile_record_is_one_line_without_control_characters() {
        let text = logged(&LogConfig::default());
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(!text.trim_end_matches('\n').contains(char::is_control), "{text:?}");
        assert!(text.contains("shown=a\\nb\\u{1b}[2J"), "{text:?}");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(&LogConfig { format: LogFormat::Json, ..LogConfig::default() });
        assert_eq!(text.lines().count(), 1);
        let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (record["level"].as_str(), record["message"].as_str()),
            (Some("INFO"), record["shown"].as_str())
        );
    }
}
