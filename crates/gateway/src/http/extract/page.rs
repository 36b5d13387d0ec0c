//! Lists: pages of rows, newest first, each continued by an opaque cursor.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use stentor_core::id::{
    BroadcastId, ConversationKey, CredentialId, DeliveryId, EventId, RequestId, SourceId, TenantId, WebhookId,
};
use stentor_core::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use stentor_store::Page;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An id that a list is ordered by.
pub trait CursorId: Copy {
    /// Which kind of list a cursor belongs to.
    const KIND: &'static str;

    /// From the bytes in a cursor.
    fn from_cursor(bytes: [u8; 16]) -> Self;

    /// The bytes for a cursor.
    fn to_cursor(&self) -> [u8; 16];
}

macro_rules! cursor_ids {
    ($($id:ty),*) => {$(
        impl CursorId for $id {
            const KIND: &'static str = <$id>::PREFIX;

            fn from_cursor(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }

            fn to_cursor(&self) -> [u8; 16] {
                *self.as_bytes()
            }
        }
    )*};
}

cursor_ids!(
    TenantId,
    EventId,
    WebhookId,
    DeliveryId,
    ConversationKey,
    BroadcastId,
    SourceId,
    CredentialId,
    RequestId
);

/// Where a page starts: after this id. The text is base64url of the kind of list, a colon and the id's bytes. It grants
/// nothing: every list is bound to the caller's tenant whatever the cursor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor<I>(I);

impl<I: CursorId> Cursor<I> {
    /// The page after this row.
    pub fn after(id: I) -> Self {
        Self(id)
    }

    /// The row that the page comes after.
    pub fn id(&self) -> I {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let id = bytes.strip_prefix(I::KIND.as_bytes())?.strip_prefix(b":")?;
        Some(Self(I::from_cursor(id.try_into().ok()?)))
    }
}

impl<I: CursorId> fmt::Display for Cursor<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [I::KIND.as_bytes(), b":", &self.0.to_cursor()].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl<'de, I: CursorId> Deserialize<'de> for Cursor<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("The cursor is not a next_cursor of this list."))
    }
}

/// Rows of a page: 1 to 250, 50 when not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The number of rows.
    pub const fn rows(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(PAGE_ROWS_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = || D::Error::custom(format!("must be a whole number between 1 and {PAGE_ROWS_MAX}"));
        match u32::deserialize(deserializer).map_err(|_| expected())? {
            rows @ 1..=PAGE_ROWS_MAX => Ok(Self(rows)),
            _ => Err(expected()),
        }
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(PAGE_ROWS_MAX))
            .default(Some(PAGE_ROWS_DEFAULT.into()))
            .into()
    }
}

impl ToSchema for Limit {}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows, newest first.
    pub data: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page of the store as the API shows it.
    pub fn from_page<R, I: CursorId>(page: Page<R>, id: impl Fn(&R) -> I, show: impl FnMut(R) -> T) -> Self {
        let last = page.rows.last().filter(|_| page.more).map(id);
        Self {
            data: page.rows.into_iter().map(show).collect(),
            next_cursor: last.map(|id| Cursor::after(id).to_string()),
        }
    }

    /// A list that always fits one page.
    pub fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip_and_belongs_to_one_kind_of_list() {
        let id = WebhookId::from_bytes([0xA5; 16]);
        let text = Cursor::after(id).to_string();
        assert_eq!(Cursor::<WebhookId>::parse(&text), Some(Cursor::after(id)));
        assert_eq!(Cursor::<EventId>::parse(&text), None);
        for bad in ["", "wh", "%%%", "d2g6", &format!("{text}A"), &id.to_string()] {
            assert_eq!(Cursor::<WebhookId>::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_page_with_more_behind_it_has_a_cursor() {
        let ids = vec![WebhookId::from_bytes([2; 16]), WebhookId::from_bytes([1; 16])];
        let list = |more| List::from_page(Page { rows: ids.clone(), more }, |id| *id, |id| id.to_string());
        assert_eq!(list(false).next_cursor, None);
        assert_eq!(list(true).next_cursor, Some(Cursor::after(ids[1]).to_string()));
        assert_eq!(list(true).data.len(), 2);
    }
}
