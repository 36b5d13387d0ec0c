//! Which of the waiting deliveries are a batch now.

use std::collections::HashMap;

use super::Batch;
use crate::envelope::BATCH_AROUND_BYTES;
use crate::time::Time;

/// What is looked at in a waiting delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// The type of its event. None for one that goes alone and at once.
    pub event_type: Option<&'a str>,
    /// At most so many bytes of a body, the comma before it included.
    pub bytes: usize,
    /// When its event was accepted.
    pub since: Time,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// These, by their places among those waiting, are a batch.
    Now(Vec<usize>),
    /// Nothing.
    Nothing(Quiet),
}

/// For how long nothing is due, whatever comes within these bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// Until then; without end when nothing waits.
    pub until: Option<Time>,
    /// So many more may come.
    rows: usize,
    /// With so many bytes in all.
    bytes: usize,
}

impl Quiet {
    /// Takes note of one more that waits at the end. False when it may make something due.
    pub fn admits(&mut self, rule: &Batch, waiting: &Waiting<'_>) -> bool {
        if waiting.event_type.is_none() || self.rows == 0 || waiting.bytes > self.bytes {
            return false;
        }
        self.rows -= 1;
        self.bytes -= waiting.bytes;
        let due = waiting.since.plus(rule.timeout);
        self.until = Some(self.until.map_or(due, |until| until.min(due)));
        true
    }
}

/// Those of one type, as far as a batch of theirs has come.
struct Group<'a> {
    event_type: &'a str,
    first: usize,
    rows: usize,
    bytes: usize,
    oldest: Time,
    /// No further one fits.
    full: bool,
}

impl<'a> Group<'a> {
    fn of(place: usize, event_type: &'a str, since: Time) -> Self {
        let bytes = BATCH_AROUND_BYTES;
        Self { event_type, first: place, rows: 0, bytes, oldest: since, full: false }
    }

    /// Takes one more, unless it does not fit. A first one always does.
    fn takes(&mut self, rule: &Batch, waiting: &Waiting<'_>) -> bool {
        let bytes = self.bytes.saturating_add(waiting.bytes);
        if self.full || self.rows > 0 && bytes > rule.max_bytes as usize {
            self.full = true;
            return false;
        }
        self.rows += 1;
        self.bytes = bytes;
        self.oldest = self.oldest.min(waiting.since);
        self.full = self.rows >= rule.size as usize;
        true
    }

    fn is_due(&self, rule: &Batch, now: Time) -> bool {
        self.full || self.oldest.plus(rule.timeout) <= now
    }

    fn quiet(&self, rule: &Batch) -> Quiet {
        Quiet {
            until: Some(self.oldest.plus(rule.timeout)),
            rows: (rule.size as usize).saturating_sub(self.rows + 1),
            bytes: (rule.max_bytes as usize).saturating_sub(self.bytes),
        }
    }
}

/// Finds the batch that is due, the one whose first member has the lowest place if there are several. `waiting` is what
/// waits, in the order of the queue. With `ordered` only a batch at its head can be, and it ends with the first of another
/// type. With `pressed` nothing more can be waited for: what there is goes.
pub fn compose<'a>(
    rule: &Batch,
    ordered: bool,
    pressed: bool,
    waiting: impl Iterator<Item = Waiting<'a>> + Clone,
    now: Time,
) -> Due {
    let groups = if ordered {
        head(rule, waiting.clone())
    } else {
        match groups(rule, waiting.clone()) {
            Grouped::Alone(place) => return Due::Now(vec![place]),
            Grouped::Groups(groups) => groups,
        }
    };
    if let Some(group) = groups.iter().find(|group| pressed || group.is_due(rule, now)) {
        return Due::Now(members(group, waiting));
    }
    let empty = Quiet {
        until: None,
        // The next one of an ordered queue may be of another type.
        rows: if ordered { 1 } else { (rule.size as usize).saturating_sub(1) },
        bytes: (rule.max_bytes as usize).saturating_sub(BATCH_AROUND_BYTES),
    };
    Due::Nothing(groups.iter().map(|group| group.quiet(rule)).fold(empty, |a, b| Quiet {
        until: a.until.into_iter().chain(b.until).min(),
        rows: if ordered { 0 } else { a.rows.min(b.rows) },
        bytes: a.bytes.min(b.bytes),
    }))
}

enum Grouped<'a> {
    /// One that goes alone is met before anything is due.
    Alone(usize),
    Groups(Vec<Group<'a>>),
}

/// The first batch of each type, in the order of their first members.
fn groups<'a>(rule: &Batch, waiting: impl Iterator<Item = Waiting<'a>>) -> Grouped<'a> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut by_type: HashMap<&'a str, usize> = HashMap::new();
    let mut last = 0;
    for (place, one) in waiting.enumerate() {
        let Some(event_type) = one.event_type else { return Grouped::Alone(place) };
        // Events of one type often follow each other.
        let index = match groups.get(last) {
            Some(group) if group.event_type == event_type => last,
            _ => *by_type.entry(event_type).or_insert_with(|| {
                groups.push(Group::of(place, event_type, one.since));
                groups.len() - 1
            }),
        };
        last = index;
        groups[index].takes(rule, &one);
        if groups[0].full {
            break;
        }
    }
    Grouped::Groups(groups)
}

/// The batch at the head, if anything waits.
fn head<'a>(rule: &Batch, waiting: impl Iterator<Item = Waiting<'a>>) -> Vec<Group<'a>> {
    let mut head: Option<Group<'a>> = None;
    for one in waiting {
        let group = head.get_or_insert_with(|| Group::of(0, one.event_type.unwrap_or_default(), one.since));
        let is_first = group.rows == 0;
        let joins = one.event_type == Some(group.event_type);
        if !is_first && !joins || !group.takes(rule, &one) {
            group.full = true;
        } else if one.event_type.is_none() {
            // It goes alone.
            group.full = true;
        }
        if group.full {
            break;
        }
    }
    head.into_iter().collect()
}

/// The places of the group's members.
fn members<'a>(group: &Group<'_>, waiting: impl Iterator<Item = Waiting<'a>>) -> Vec<usize> {
    let from = waiting.enumerate().skip(group.first);
    let is_member = |(place, one): &(usize, Waiting<'_>)| {
        *place == group.first || one.event_type == Some(group.event_type)
    };
    from.filter(is_member).map(|(place, _)| place).take(group.rows).collect()
}
