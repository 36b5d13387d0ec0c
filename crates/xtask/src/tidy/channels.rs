//! One queue type in the engine and none in the store (engine rule E25). Oneshots, watches and notifications are no
//! queues.

use super::Violation;
use super::lexer::{has_word, lines_where};
use super::tree::Tree;

const MAILBOX: &str = "crates/engine/src/mailbox.rs";
const QUEUES: [&str; 5] = ["mpsc", "crossbeam_channel", "async_channel", "flume", "kanal"];
/// How tokio's queue of that name shows itself. The word alone is one of ours.
const BROADCASTS: [&str; 4] =
    ["sync::broadcast", "broadcast::channel", "broadcast::Sender", "broadcast::Receiver"];

/// Finds queues of libraries in engine and store.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (file, lexed) in tree.rust() {
        if !matches!(file.crate_name(), Some("engine" | "store")) || file.path == MAILBOX || file.is_test() {
            continue;
        }
        let lines = lines_where(&lexed.code, |line| {
            let imports = line.contains("tokio::sync::") && has_word(line, "broadcast");
            let is_broadcast = imports || BROADCASTS.iter().any(|part| line.contains(part));
            is_broadcast || QUEUES.iter().any(|queue| has_word(line, queue))
        });
        violations.extend(lines.into_iter().map(|line| {
            Violation::new(
                &file.path,
                line,
                "the engine's only queue is its mailbox; the store has none (E25)",
            )
        }));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::assert_found;
    use super::check;

    #[test]
    fn a_second_queue_is_found() {
        let (engine, store) = ("crates/engine/src/feed.rs", "crates/store/src/sqlite/writer.rs");
        let text = "use tokio::sync::{Notify, oneshot, watch};\nuse tokio::sync::{mpsc, Notify};\nlet b = broadcast::channel(1);\n";
        let expected = [(engine, 2), (engine, 3), (store, 2), (store, 3)];
        assert_found(check, &[(engine, text), (store, text)], &expected);
    }

    #[test]
    fn a_broadcast_to_tenants_is_no_queue() {
        let text = "pub mod broadcast;\nself.broadcast(step)?;\nuse tokio::sync::{broadcast, watch};\n";
        assert_found(check, &[("crates/engine/src/feed.rs", text)], &[("crates/engine/src/feed.rs", 3)]);
    }

    #[test]
    fn the_mailbox_is_the_one() {
        assert_found(check, &[("crates/engine/src/mailbox.rs", "use tokio::sync::mpsc;\n")], &[]);
        assert_found(check, &[("crates/testkit/src/process.rs", "use tokio::sync::mpsc;\n")], &[]);
    }
}
