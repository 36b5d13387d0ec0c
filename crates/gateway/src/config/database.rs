//! Which database is used.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use stentor_store::postgres::PostgresStore;
use zeroize::Zeroizing;

/// Where everything is kept. Text form: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server, by its address, which may hold a password.
    Postgres(Zeroizing<String>),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Database {
    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// As it may be shown to people: of an address only where it is, without who asks and how.
    pub fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let place = rest.split('?').next().unwrap_or_default();
                format!("postgres://{}", place.rsplit('@').next().unwrap_or_default())
            }
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::Sqlite("stentor.db".into())
    }
}

/// The text is never repeated: other systems' addresses hold passwords.
impl FromStr for Database {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            PostgresStore::check_url(text).map_err(|error| error.to_string())?;
            return Ok(Self::Postgres(Zeroizing::new(text.to_owned())));
        }
        let path = text
            .strip_prefix("sqlite:")
            .ok_or("expected sqlite:PATH, such as sqlite:stentor.db, or postgres://…")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        match path {
            "" => Err("sqlite: must be followed by the path of a file".into()),
            ":memory:" => Err("a database in memory would lose what was acknowledged; name a file".into()),
            _ if path.contains('?') => Err("parameters after ? are not supported; give only the path".into()),
            _ => Ok(Self::Sqlite(path.into())),
        }
    }
}

impl<'de> Deserialize<'de> for Database {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_and_everything_else_refused_with_a_reason() {
        for (text, path) in
            [("sqlite:a.db", "a.db"), ("sqlite:/x/a.db", "/x/a.db"), ("sqlite:///x/a.db", "/x/a.db")]
        {
            assert_eq!(text.parse(), Ok(Database::Sqlite(path.into())), "{text}");
        }
        for text in ["", "a.db", "sqlite:", "sqlite::memory:", "sqlite:a.db?mode=ro", "mysql://u:secret@h/d"]
        {
            let refused = text.parse::<Database>().expect_err(text);
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn an_address_is_shown_without_what_it_keeps_secret() {
        for (text, shown) in [
            ("postgres://u:secret@db:5433/stentor?sslmode=require", "postgres://db:5433/stentor"),
            ("postgresql://db/stentor?password=secret", "postgres://db/stentor"),
            ("postgres://u:s%40secret@db/stentor", "postgres://db/stentor"),
        ] {
            let database: Database = text.parse().expect(text);
            assert_eq!(database.shown(), shown);
            assert!(!format!("{database:?}").contains("secret"), "{database:?}");
        }
        for text in ["postgres://u:secret@db:port/stentor", "postgres://u:secret@db/stentor?sslmode=perhaps"]
        {
            let refused = text.parse::<Database>().expect_err(text);
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
