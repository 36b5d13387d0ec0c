//! Declared event types.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stentor_core::event::EventType;
use stentor_core::event_type::{DeclaredType, Validation};
use stentor_core::id::TenantId;
use stentor_core::limits::{EVENT_TYPES_MAX, SCHEMAS_BYTES_MAX};

use super::row::{self, count, micros};
use super::{SqliteStore, tenants};
use crate::error::StoreResult;
use crate::event_types::{Declared, EventTypes, ListedType, TypesDeclared, TypesInForce};

fn declared(row: &Row<'_>) -> StoreResult<DeclaredType> {
    let text = |column: usize| row.get::<_, Option<String>>(column).map(|text| text.map(Into::into));
    Ok(DeclaredType {
        name: row::event_type(row, 0)?,
        description: row.get(1)?,
        schema: text(2)?,
        sample: text(3)?,
        sample_previous_data: text(4)?,
        archived: row.get(5)?,
        created_at: row::time(row, 6)?,
        updated_at: row::time(row, 7)?,
    })
}

fn listed(row: &Row<'_>) -> StoreResult<ListedType> {
    Ok(ListedType {
        name: row::event_type(row, 0)?,
        description: row.get(1)?,
        has_schema: row.get(2)?,
        has_sample: row.get(3)?,
        archived: row.get(4)?,
        created_at: row::time(row, 5)?,
        updated_at: row::time(row, 6)?,
    })
}

/// Replaces one that stands, but for the time of its declaration.
fn put(
    connection: &Connection,
    tenant: TenantId,
    declared: &DeclaredType,
    replace: bool,
) -> StoreResult<Declared> {
    let key = params![tenant.as_bytes(), declared.name.as_str()];
    let stands = connection
        .prepare_cached("SELECT 1 FROM event_types WHERE tenant = ?1 AND name = ?2")?
        .exists(key)?;
    if stands && !replace {
        return Ok(Declared::Kept);
    }
    connection
        .prepare_cached(
            "INSERT INTO event_types (tenant, name, description, schema, sample, sample_previous_data, archived,
             created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET description = excluded.description, schema = excluded.schema,
             sample = excluded.sample, sample_previous_data = excluded.sample_previous_data,
             archived = excluded.archived, updated_at = excluded.updated_at",
        )?
        .execute(params![
            tenant.as_bytes(),
            declared.name.as_str(),
            declared.description,
            declared.schema.as_deref(),
            declared.sample.as_deref(),
            declared.sample_previous_data.as_deref(),
            declared.archived,
            micros(declared.created_at),
            micros(declared.updated_at),
        ])?;
    Ok(if stands { Declared::Replaced } else { Declared::Created })
}

/// How many types the tenant has, and how long their schemas are together.
fn extent(connection: &Connection, tenant: TenantId) -> StoreResult<(usize, usize)> {
    let number = |row: &Row<'_>, column| row.get::<_, i64>(column).map(|n| usize::try_from(n).unwrap_or(0));
    let mut statement = connection.prepare_cached(
        "SELECT count(*), coalesce(sum(length(CAST(schema AS BLOB))), 0) FROM event_types WHERE tenant = ?1",
    )?;
    Ok(statement.query_row([tenant.as_bytes()], |row| Ok((number(row, 0)?, number(row, 1)?)))?)
}

/// All or none: what is over a bound is undone.
fn declare(
    connection: &Connection,
    tenant: TenantId,
    types: &[DeclaredType],
    replace: bool,
) -> StoreResult<TypesDeclared> {
    if tenants::version(connection, tenant)?.is_none() {
        return Ok(TypesDeclared::NotFound);
    }
    connection.execute_batch("SAVEPOINT declared")?;
    let done: Vec<Declared> =
        types.iter().map(|declared| put(connection, tenant, declared, replace)).collect::<Result<_, _>>()?;
    let (rows, bytes) = extent(connection, tenant)?;
    if rows > EVENT_TYPES_MAX || bytes > SCHEMAS_BYTES_MAX {
        connection.execute_batch("ROLLBACK TO declared; RELEASE declared")?;
        return Ok(if rows > EVENT_TYPES_MAX { TypesDeclared::TooMany } else { TypesDeclared::TooLarge });
    }
    connection.execute_batch("RELEASE declared")?;
    if done.iter().any(|one| *one != Declared::Kept) {
        tenants::types_changed(connection, tenant)?;
    }
    Ok(TypesDeclared::Done(done))
}

fn in_force(
    connection: &Connection,
    tenant: TenantId,
    known: Option<u64>,
) -> StoreResult<Option<TypesInForce>> {
    let mut find = connection
        .prepare_cached("SELECT types_version, settings FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?;
    let mut rows = find.query([tenant.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let version = count(row.get(0)?);
    if known == Some(version) {
        return Ok(None);
    }
    let rules = tenants::settings(row, 1)?.event_types;
    let mut found = TypesInForce { version, rules, types: Vec::new() };
    let checked = rules.validation != Validation::Off;
    if checked || rules.strict {
        let mut list = connection.prepare_cached(
            "SELECT name, CASE WHEN ?2 THEN schema END FROM event_types WHERE tenant = ?1 AND archived = 0",
        )?;
        let mut rows = list.query(params![tenant.as_bytes(), checked])?;
        while let Some(row) = rows.next()? {
            let schema: Option<String> = row.get(1)?;
            found.types.push((row::event_type(row, 0)?, schema.map(Into::into)));
        }
    }
    Ok(Some(found))
}

#[async_trait]
impl EventTypes for SqliteStore {
    async fn declare_types(
        &self,
        tenant: TenantId,
        types: &[DeclaredType],
        replace: bool,
    ) -> StoreResult<TypesDeclared> {
        let types = types.to_vec();
        self.write(move |connection| declare(connection, tenant, &types, replace)).await
    }

    async fn declared_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<Option<DeclaredType>> {
        let name = name.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, description, schema, sample, sample_previous_data, archived, created_at, updated_at
                 FROM event_types WHERE tenant = ?1 AND name = ?2",
            )?;
            let mut rows = statement.query(params![tenant.as_bytes(), name.as_str()])?;
            rows.next()?.map(declared).transpose()
        })
        .await
    }

    async fn declared_types(&self, tenant: TenantId) -> StoreResult<Vec<ListedType>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, description, schema IS NOT NULL, sample IS NOT NULL, archived, created_at, updated_at
                 FROM event_types WHERE tenant = ?1 ORDER BY name",
            )?;
            let mut rows = statement.query([tenant.as_bytes()])?;
            let mut types = Vec::new();
            while let Some(row) = rows.next()? {
                types.push(listed(row)?);
            }
            Ok(types)
        })
        .await
    }

    async fn delete_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<bool> {
        let name = name.clone();
        self.write(move |connection| {
            let deleted = connection
                .prepare_cached("DELETE FROM event_types WHERE tenant = ?1 AND name = ?2")?
                .execute(params![tenant.as_bytes(), name.as_str()])?;
            if deleted > 0 {
                tenants::types_changed(connection, tenant)?;
            }
            Ok(deleted > 0)
        })
        .await
    }

    async fn types_in_force(
        &self,
        tenant: TenantId,
        known: Option<u64>,
    ) -> StoreResult<Option<TypesInForce>> {
        self.read(move |connection| in_force(connection, tenant, known)).await
    }
}
