//! What commands print: tables for people, the answer's JSON for machines.
//!
//! Whatever a remote party wrote is shown without control characters (reliability S22).

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::CliError;
use super::client::Link;
use crate::logging::Escaped;

mod indent;

pub(super) use indent::indented;

/// One column of a table: its title and where its text is, as a JSON Pointer.
pub(super) type Column = (&'static str, &'static str);

/// Prints one line.
pub(super) fn line(text: &str) -> Result<(), CliError> {
    writeln!(anstream::stdout(), "{text}")?;
    Ok(())
}

/// Remote text without control characters.
pub(super) fn escaped(text: &str) -> String {
    Escaped(text).to_string()
}

/// Tells on standard error how it stands with a stream.
pub(super) fn link(link: Link) -> Result<(), CliError> {
    match link {
        Link::Open => Ok(()),
        Link::Broken(wait) => {
            writeln!(anstream::stderr(), "the stream ended; trying again in {} s", wait.as_secs())?;
            Ok(())
        }
    }
}

/// Returns after so many seconds, if they are given, or when the user interrupts.
pub(super) async fn ending(seconds: Option<u64>) {
    let elapsed = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = elapsed => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Prints an answer as it came.
pub(super) fn raw(body: &Bytes) -> Result<(), CliError> {
    let mut out = anstream::stdout();
    out.write_all(body)?;
    writeln!(out)?;
    Ok(())
}

/// Prints an answer for people: indented, otherwise unchanged.
pub(super) fn pretty(body: &Bytes) -> Result<(), CliError> {
    line(&indented(&String::from_utf8_lossy(body)))
}

/// Prints the rows of a list as a table, and how to get the next page.
pub(super) fn list(page: &Value, columns: &[Column]) -> Result<(), CliError> {
    let rows: Vec<&Value> = page["data"].as_array().into_iter().flatten().collect();
    table(&rows, columns)?;
    match page["next_cursor"].as_str() {
        Some(cursor) => line(&format!("more: --cursor {}", Escaped(cursor))),
        None => Ok(()),
    }
}

/// Prints values as a table.
pub(super) fn table(rows: &[&Value], columns: &[Column]) -> Result<(), CliError> {
    let titles = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|(_, pointer)| cell(row, pointer)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
    line(&aligned(&rows))
}

/// One value as text for people.
pub(super) fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => Escaped(text).to_string(),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| cell(item, "")).collect();
            items.join(",")
        }
        Some(other) => Escaped(other).to_string(),
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_steers_the_terminal() {
        let row: Value = serde_json::json!({"id": "wh_1", "url": "https://x/\u{1b}[2J\n", "events": ["a", "b"], "n": null});
        let columns = [("ID", "/id"), ("URL", "/url"), ("EVENTS", "/events"), ("N", "/n")];
        let cells: Vec<String> = columns.iter().map(|(_, pointer)| cell(&row, pointer)).collect();
        assert_eq!(cells, ["wh_1", "https://x/\\u{1b}[2J\\n", "a,b", "-"]);
        assert_eq!(
            aligned(&[vec!["A".into(), "B".into()], vec!["long".into(), "c".into()]]),
            "A     B\nlong  c"
        );
    }
}
