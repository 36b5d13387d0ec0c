//! How things are written on pages.

use std::time::Duration;

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use stentor_core::time::Time;

use crate::http::problem::Problem;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Characters of an id that are shown beside its prefix: the last ones, because the first are the time.
const ID_SHOWN: usize = 6;

/// A page as an answer.
pub(super) fn page(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// `3 min ago`, `in 2 h`, `now`.
pub(super) fn relative(time: Time, now: Time) -> String {
    let (past, ahead) = (now.since(time), time.since(now));
    match (past.as_secs(), ahead.as_secs()) {
        (0, 0) => "now".into(),
        (0, ahead) => format!("in {}", rough(ahead)),
        (past, _) => format!("{} ago", rough(past)),
    }
}

fn rough(seconds: u64) -> String {
    match seconds {
        ..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        _ => format!("{} d", seconds / DAY),
    }
}

/// `2026-02-03 14:02:11.042 UTC`.
pub(super) fn exact(time: Time) -> String {
    let text = time.to_string();
    format!("{} UTC", text.trim_end_matches('Z').replacen('T', " ", 1))
}

/// `14:02`, of the day of the time in UTC.
pub(super) fn clock(time: Time) -> String {
    time.to_string().get(11..16).unwrap_or_default().to_owned()
}

/// `evt_…n02q8k`.
pub(super) fn short(id: &str) -> String {
    let prefix = id.split_once('_').map(|(prefix, _)| format!("{prefix}_")).unwrap_or_default();
    let rest = &id[prefix.len()..];
    match rest.char_indices().rev().nth(ID_SHOWN - 1) {
        Some((start, _)) if start > 0 => format!("{prefix}…{}", &rest[start..]),
        _ => id.to_owned(),
    }
}

/// Milliseconds: `42 ms`, `1.3 s`.
pub(super) fn millis(millis: f64) -> String {
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        10.0..1_000.0 => format!("{millis:.0} ms"),
        _ => seconds(millis / 1_000.0),
    }
}

/// Seconds: `42 ms`, `5 s`, `1 min 30 s`, `2 h`.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 1.0 {
        return millis(seconds * 1_000.0);
    }
    if seconds < 10.0 && seconds.fract() > 0.05 {
        return format!("{seconds:.1} s");
    }
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")];
    let mut left = whole;
    let mut parts = Vec::new();
    for (size, unit) in units {
        if left >= size {
            parts.push(format!("{} {unit}", left / size));
            left %= size;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
}

/// `1 204` with thin spaces, so that columns of figures can be read.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `99.5 %`; a rate that is not whole is never written as 100.
pub(super) fn percent(rate: f64) -> String {
    if rate >= 100.0 {
        return "100 %".into();
    }
    format!("{:.1} %", (rate * 10.0).floor() / 10.0)
}

/// `1 webhook`, `2 webhooks`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_now() {
        let now = Time::from_seconds(1_700_000_000);
        let ago = |seconds| relative(now.minus(Duration::from_secs(seconds)), now);
        assert_eq!(
            [ago(0), ago(59), ago(60), ago(7_300), ago(200_000)],
            ["now", "59 s ago", "1 min ago", "2 h ago", "2 d ago"]
        );
        assert_eq!(relative(now.plus(Duration::from_secs(300)), now), "in 5 min");
        assert_eq!((exact(now).as_str(), clock(now).as_str()), ("2023-11-14 22:13:20.000 UTC", "22:13"));
    }

    #[test]
    fn figures_are_short_and_never_better_than_they_are() {
        assert_eq!([percent(100.0), percent(99.99), percent(0.0)], ["100 %", "99.9 %", "0.0 %"]);
        assert_eq!([millis(0.42), millis(42.4), millis(1_300.0)], ["0.4 ms", "42 ms", "1.3 s"]);
        assert_eq!(
            [seconds(0.0), seconds(90.0), seconds(72_000.0), seconds(5.0)],
            ["0 s", "1 min 30 s", "20 h", "5 s"]
        );
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "webhook", "webhooks"), "1 webhook");
    }

    #[test]
    fn an_id_keeps_its_prefix_and_its_end() {
        assert_eq!(short("evt_01h455vb4pex5vsknk084sn02q"), "evt_…4sn02q");
        assert_eq!((short("wh_12"), short("")), ("wh_12".to_owned(), String::new()));
    }
}
