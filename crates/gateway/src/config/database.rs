//! Which database is used.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Where everything is kept. Text form: `sqlite:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
}

impl Database {
    /// The file.
    pub fn path(&self) -> &Path {
        let Self::Sqlite(path) = self;
        path
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
            return Err("PostgreSQL is not in this version; use sqlite:PATH".into());
        }
        let path = text.strip_prefix("sqlite:").ok_or("expected sqlite:PATH, such as sqlite:stentor.db")?;
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
    fn postgres_is_refused_as_such_and_its_password_not_repeated() {
        for text in ["postgres://u:secret@db/stentor", "postgresql://db/stentor"] {
            assert_eq!(
                text.parse::<Database>(),
                Err("PostgreSQL is not in this version; use sqlite:PATH".into())
            );
        }
    }
}
