//! `stentor tail`.

use std::collections::{HashSet, VecDeque};

use clap::Args;
use serde_json::Value;

use super::client::{Connection, Sent};
use super::output::cell;
use super::{CliError, output};

/// Events remembered, so that what the store tells again after a break is shown once.
const REMEMBERED_MAX: usize = 4_096;

/// Show what happens, live: events, attempts, ended deliveries, disabled webhooks, inbound requests
///
/// Goes on until interrupted and comes back when the connection breaks. With --json each line is one JSON object.
#[derive(Debug, Args)]
pub(super) struct TailArgs {
    /// Events of this type or everything below a prefix: order.created, order.*
    #[arg(long, value_name = "TYPE")]
    r#type: Option<String>,
    /// Exactly this subject
    #[arg(long)]
    subject: Option<String>,
    /// Only what concerns this source
    #[arg(long, value_name = "src_…")]
    source: Option<String>,
    /// Only what concerns this webhook
    #[arg(long, value_name = "wh_…")]
    webhook: Option<String>,
    /// Only these kinds, such as event.accepted,delivery.finished
    #[arg(long, value_name = "KINDS")]
    kinds: Option<String>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

/// Shows until interrupted.
pub(super) async fn run(args: TailArgs) -> Result<(), CliError> {
    let TailArgs { r#type, subject, source, webhook, kinds, seconds, connection } = args;
    let named = [
        ("type", r#type),
        ("subject", subject),
        ("source_id", source),
        ("webhook_id", webhook),
        ("kinds", kinds),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in named {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let path = format!("/v1/events/stream?{}", query.finish());
    let json = connection.json();
    let mut seen = Seen::default();
    let show = |sent: &Sent| {
        if seen.is_repeated(sent) {
            return Ok(());
        }
        if json { output::line(&sent.data) } else { output::line(&text(sent)) }
    };
    let following = connection.follow(&path, show, output::link);
    tokio::select! {
        ended = following => ended,
        () = output::ending(seconds) => Ok(()),
    }
}

/// Which events were shown.
#[derive(Default)]
struct Seen {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

impl Seen {
    /// Whether the item tells again of an event that was shown.
    fn is_repeated(&mut self, sent: &Sent) -> bool {
        if sent.kind != "event.accepted" {
            return false;
        }
        let value = sent.value();
        let Some(id) = value.pointer("/event/id").and_then(Value::as_str) else { return false };
        if !self.ids.insert(id.to_owned()) {
            return true;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        false
    }
}

/// One line for people. Everything in it may come from others (reliability S22).
fn text(sent: &Sent) -> String {
    let value = sent.value();
    let part = |pointer: &str| cell(&value, pointer);
    let (at, kind) = (part("/at"), output::escaped(&sent.kind));
    let what = match sent.kind.as_str() {
        "gap" => return gap(&value),
        "event.accepted" => {
            let subject = value.pointer("/event/subject").map(|_| format!("  {}", part("/event/subject")));
            format!(
                "{}  {}{}  → {} deliveries",
                part("/event/type"),
                part("/event/id"),
                subject.unwrap_or_default(),
                part("/deliveries")
            )
        }
        "attempt.started" => {
            format!("{}  {}  attempt {}", part("/event/type"), part("/webhook_id"), part("/attempt/number"))
        }
        "attempt.ended" => ended(&value),
        "delivery.finished" => {
            let reason = value.get("reason").map(|_| format!(" ({})", part("/reason"))).unwrap_or_default();
            format!(
                "{}  {}  {}{reason}  {} attempts",
                part("/event/type"),
                part("/delivery_id"),
                part("/state"),
                part("/attempt_count")
            )
        }
        "webhook.disabled" => format!("{}  {}", part("/webhook_id"), part("/reason")),
        _ if value.get("request").is_some() => request(&value),
        _ => String::new(),
    };
    format!("{at}  {kind:<17}  {what}")
}

fn ended(value: &Value) -> String {
    let part = |pointer: &str| cell(value, pointer);
    let status = match value.pointer("/attempt/status") {
        Some(_) => part("/attempt/status"),
        None => part("/attempt/reason"),
    };
    let mut text = format!(
        "{}  {}  attempt {}: {} {status}  {} ms",
        part("/event/type"),
        part("/webhook_id"),
        part("/attempt/number"),
        part("/attempt/outcome"),
        part("/attempt/duration_ms")
    );
    if value.get("next_attempt_at").is_some() {
        text.push_str(&format!("  next at {}", part("/next_attempt_at")));
    }
    text
}

fn request(value: &Value) -> String {
    let part = |pointer: &str| cell(value, pointer);
    let mut text =
        format!("{} {}  → {}", part("/request/method"), part("/request/path"), part("/request/status"));
    if value.pointer("/request/code").is_some() {
        text.push_str(&format!("  {}: {}", part("/request/code"), part("/request/detail")));
    }
    text
}

/// Also for `inspect`.
pub(super) fn gap(value: &Value) -> String {
    let missed = match value["missed"].as_u64() {
        Some(missed) => format!("{missed} items were missed"),
        None => "some items may have been missed".to_owned(),
    };
    let since = value["since"].as_str().map(|_| format!(" since {}", cell(value, "/since")));
    format!("… {missed}{}; lists have them", since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(kind: &str, data: &Value) -> Sent {
        Sent { kind: kind.into(), data: data.to_string() }
    }

    #[test]
    fn each_kind_has_its_line_and_nothing_steers_the_terminal() {
        let event = serde_json::json!({"id": "evt_1", "type": "order.paid", "subject": "s\u{1b}[2J"});
        let accepted =
            sent("event.accepted", &serde_json::json!({"at": "T", "event": event, "deliveries": 2}));
        assert_eq!(text(&accepted), "T  event.accepted     order.paid  evt_1  s\\u{1b}[2J  → 2 deliveries");
        let attempt =
            serde_json::json!({"number": 1, "outcome": "refused", "status": 503, "duration_ms": 1.5});
        let ended = serde_json::json!({"at": "T", "event": event, "webhook_id": "wh_1", "attempt": attempt, "next_attempt_at": "U"});
        let line = text(&sent("attempt.ended", &ended));
        assert_eq!(line, "T  attempt.ended      order.paid  wh_1  attempt 1: refused 503  1.5 ms  next at U");
        let gap = sent("gap", &serde_json::json!({"missed": 7, "since": null}));
        assert_eq!(text(&gap), "… 7 items were missed; lists have them");
        assert!(!text(&sent("\u{1b}[2J", &Value::Null)).contains('\u{1b}'));
    }

    #[test]
    fn what_is_told_again_is_shown_once() {
        let mut seen = Seen::default();
        let accepted =
            |n: usize| sent("event.accepted", &serde_json::json!({"event": {"id": n.to_string()}}));
        assert!(!seen.is_repeated(&accepted(0)) && seen.is_repeated(&accepted(0)));
        for n in 1..=REMEMBERED_MAX {
            assert!(!seen.is_repeated(&accepted(n)));
        }
        assert_eq!((seen.ids.len(), seen.order.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
        assert!(!seen.is_repeated(&accepted(0)), "forgotten by now");
    }
}
