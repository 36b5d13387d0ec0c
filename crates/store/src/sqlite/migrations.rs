//! Brings the schema up to date: forward only, each migration in one transaction, so that a kill leaves it done or not done
//! (engine rule E24).

use rusqlite::{Connection, OptionalExtension};

use super::OpenError;

struct Migration {
    version: u32,
    /// The oldest binary, by the number of its last migration, that can still work with the result.
    oldest_binary: u32,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, oldest_binary: 1, sql: include_str!("../../migrations/sqlite/0001_initial.sql") },
    Migration { version: 2, oldest_binary: 1, sql: include_str!("../../migrations/sqlite/0002_routes.sql") },
    Migration {
        version: 3,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0003_default_profile.sql"),
    },
    Migration {
        version: 4,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0004_knowledge.sql"),
    },
    Migration {
        version: 5,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0005_statistics.sql"),
    },
    Migration {
        version: 6,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0006_governance.sql"),
    },
    Migration {
        version: 7,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0007_leftovers.sql"),
    },
    Migration { version: 8, oldest_binary: 1, sql: include_str!("../../migrations/sqlite/0008_batches.sql") },
    Migration { version: 9, oldest_binary: 1, sql: include_str!("../../migrations/sqlite/0009_answers.sql") },
    Migration {
        version: 10,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0010_attempt_batches.sql"),
    },
    Migration { version: 11, oldest_binary: 1, sql: include_str!("../../migrations/sqlite/0011_deaths.sql") },
    Migration {
        version: 12,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0012_sources.sql"),
    },
    Migration {
        version: 13,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0013_refused_requests.sql"),
    },
    Migration {
        version: 14,
        oldest_binary: 1,
        sql: include_str!("../../migrations/sqlite/0014_sessions.sql"),
    },
    Migration { version: 15, oldest_binary: 1, sql: include_str!("../../migrations/sqlite/0015_nodes.sql") },
];

/// Runs what is missing.
pub(super) fn run(connection: &Connection) -> Result<(), OpenError> {
    apply(connection, MIGRATIONS)
}

fn apply(connection: &Connection, migrations: &[Migration]) -> Result<(), OpenError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema (version INTEGER PRIMARY KEY, oldest_binary INTEGER NOT NULL) STRICT",
    )?;
    let newest = connection
        .query_row("SELECT version, oldest_binary FROM schema ORDER BY version DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
        })
        .optional()?;
    let binary = migrations.last().map_or(0, |migration| migration.version);
    if let Some((schema, oldest_binary)) = newest
        && binary < oldest_binary
    {
        return Err(OpenError::BinaryTooOld { schema, oldest_binary, binary });
    }
    let done = newest.map_or(0, |(version, _)| version);
    for migration in migrations.iter().filter(|migration| migration.version > done) {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema (version, oldest_binary) VALUES (?1, ?2)",
            (migration.version, migration.oldest_binary),
        )?;
        transaction.commit()?;
        tracing::info!(version = migration.version, "the schema is migrated");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Migration = Migration { version: 2, oldest_binary: 1, sql: "CREATE TABLE second (x)" };
    const CONTRACTING: Migration = Migration { version: 2, oldest_binary: 2, sql: "CREATE TABLE second (x)" };
    const BROKEN: Migration =
        Migration { version: 2, oldest_binary: 1, sql: "CREATE TABLE second (x); nonsense" };

    fn first() -> Migration {
        Migration { ..MIGRATIONS[0] }
    }

    fn tables(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'second'", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn running_twice_changes_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        run(&connection).unwrap();
        let changes = connection.total_changes();
        run(&connection).unwrap();
        assert_eq!(connection.total_changes(), changes);
    }

    #[test]
    fn versions_rise_from_one() {
        let versions: Vec<u32> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert!(versions[0] == 1 && versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    }

    #[test]
    fn an_older_binary_runs_unless_a_migration_excludes_it() {
        let connection = Connection::open_in_memory().unwrap();
        apply(&connection, &[first(), SECOND]).unwrap();
        apply(&connection, &[first()]).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        apply(&connection, &[first(), CONTRACTING]).unwrap();
        let refused = apply(&connection, &[first()]);
        assert!(matches!(refused, Err(OpenError::BinaryTooOld { schema: 2, oldest_binary: 2, binary: 1 })));
    }

    #[test]
    fn a_migration_that_fails_half_way_leaves_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(apply(&connection, &[first(), BROKEN]).is_err());
        assert_eq!(tables(&connection), 0);
        apply(&connection, &[first(), SECOND]).unwrap();
        assert_eq!(tables(&connection), 1);
    }
}
