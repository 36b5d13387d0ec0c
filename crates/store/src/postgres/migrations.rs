//! Brings the schema up to date: forward only, each migration in one transaction, so that a kill leaves it done or not done
//! (engine rule E24). A lock keeps processes that start together from migrating together.

use super::OpenError;
use super::connection::Session;
use crate::error::StoreResult;

/// The number of the lock under which a schema changes.
const LOCK: i64 = 0x5374_656e_746f_7201;

struct Migration {
    version: u32,
    /// The oldest binary, by the number of its last migration, that can still work with the result.
    oldest_binary: u32,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0001_initial.sql"),
    },
    Migration {
        version: 2,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0002_routes.sql"),
    },
    Migration {
        version: 3,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0003_default_profile.sql"),
    },
    Migration {
        version: 4,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0004_knowledge.sql"),
    },
    Migration {
        version: 5,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0005_statistics.sql"),
    },
    Migration {
        version: 6,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0006_governance.sql"),
    },
    Migration {
        version: 7,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0007_leftovers.sql"),
    },
    Migration {
        version: 8,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0008_batches.sql"),
    },
    Migration {
        version: 9,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0009_answers.sql"),
    },
    Migration {
        version: 10,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0010_attempt_batches.sql"),
    },
    Migration {
        version: 11,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0011_deaths.sql"),
    },
    Migration {
        version: 12,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0012_sources.sql"),
    },
    Migration {
        version: 13,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0013_refused_requests.sql"),
    },
    Migration {
        version: 14,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0014_sessions.sql"),
    },
    Migration {
        version: 15,
        oldest_binary: 1,
        sql: include_str!("../../migrations/postgres/0015_nodes.sql"),
    },
];

/// Runs what is missing.
pub(super) async fn run(session: &Session) -> Result<(), OpenError> {
    apply(session, MIGRATIONS).await
}

async fn apply(session: &Session, migrations: &[Migration]) -> Result<(), OpenError> {
    let binary = migrations.last().map_or(0, |migration| migration.version);
    for migration in migrations {
        session.batch("BEGIN").await?;
        let done = step(session, migration, binary).await;
        session.batch(if matches!(done, Ok(true)) { "COMMIT" } else { "ROLLBACK" }).await?;
        if done? {
            tracing::info!(version = migration.version, "the schema is migrated");
        }
    }
    Ok(())
}

/// Runs one migration unless it was run before. Answers whether it was.
async fn step(session: &Session, migration: &Migration, binary: u32) -> Result<bool, OpenError> {
    wait_for_turn(session).await?;
    session
        .batch(
            "CREATE TABLE IF NOT EXISTS schema (version BIGINT PRIMARY KEY, oldest_binary BIGINT NOT NULL)",
        )
        .await?;
    let (schema, oldest_binary) = newest(session).await?;
    if binary < oldest_binary {
        return Err(OpenError::BinaryTooOld { schema, oldest_binary, binary });
    }
    if migration.version <= schema {
        return Ok(false);
    }
    session.batch(migration.sql).await?;
    let values = [i64::from(migration.version), i64::from(migration.oldest_binary)];
    let sql = "INSERT INTO schema (version, oldest_binary) VALUES ($1, $2)";
    session.client().execute(sql, &[&values[0], &values[1]]).await.map_err(crate::StoreError::from)?;
    Ok(true)
}

/// Waits until nobody else changes the schema, until the transaction ends.
pub(super) async fn wait_for_turn(session: &Session) -> StoreResult<()> {
    session.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map(|_| ())
}

/// The number of this binary's last migration.
pub(super) fn binary() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Makes the schema of a version in an empty database, in the caller's transaction.
pub(super) async fn lay(session: &Session, version: u32) -> Result<(), OpenError> {
    for migration in MIGRATIONS.iter().filter(|migration| migration.version <= version) {
        step(session, migration, binary()).await?;
    }
    Ok(())
}

/// The last migration that was run, and what it needs; zeros when there was none.
pub(super) async fn newest(session: &Session) -> StoreResult<(u32, u32)> {
    let sql = "SELECT version, oldest_binary FROM schema ORDER BY version DESC LIMIT 1";
    let Some(row) = session.client().query_opt(sql, &[]).await? else { return Ok((0, 0)) };
    let number =
        |column| row.try_get::<_, i64>(column).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    Ok((number(0)?, number(1)?))
}
