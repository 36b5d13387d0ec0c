//! Declared event types.

use async_trait::async_trait;
use stentor_core::event::EventType;
use stentor_core::event_type::{DeclaredType, Validation};
use stentor_core::id::TenantId;
use stentor_core::limits::{EVENT_TYPES_MAX, SCHEMAS_BYTES_MAX};
use tokio_postgres::Row;

use super::connection::{Session, Values};
use super::row::{self, Id, micros};
use super::{PostgresStore, tenants};
use crate::error::StoreResult;
use crate::event_types::{Declared, EventTypes, ListedType, TypesDeclared, TypesInForce};

fn declared(row: &Row) -> StoreResult<DeclaredType> {
    let text = |column: usize| row.try_get::<_, Option<&str>>(column).map(|text| text.map(Into::into));
    Ok(DeclaredType {
        name: row::event_type(row, 0)?,
        description: row::optional_text(row, 1)?,
        schema: text(2)?,
        sample: text(3)?,
        sample_previous_data: text(4)?,
        archived: row.try_get(5)?,
        created_at: row::time(row, 6)?,
        updated_at: row::time(row, 7)?,
    })
}

fn listed(row: &Row) -> StoreResult<ListedType> {
    Ok(ListedType {
        name: row::event_type(row, 0)?,
        description: row::optional_text(row, 1)?,
        has_schema: row.try_get(2)?,
        has_sample: row.try_get(3)?,
        archived: row.try_get(4)?,
        created_at: row::time(row, 5)?,
        updated_at: row::time(row, 6)?,
    })
}

/// Replaces one that stands, but for the time of its declaration.
async fn put(
    session: &Session,
    tenant: TenantId,
    declared: &DeclaredType,
    replace: bool,
) -> StoreResult<Declared> {
    let (tenant, name) = (Id::from(tenant), declared.name.as_str());
    let sql = "SELECT 1 FROM event_types WHERE tenant = $1 AND name = $2";
    let stands = session.first(sql, &[&tenant, &name]).await?.is_some();
    if stands && !replace {
        return Ok(Declared::Kept);
    }
    let sql = "INSERT INTO event_types (tenant, name, description, schema, sample, sample_previous_data, archived,
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description, schema = excluded.schema,
         sample = excluded.sample, sample_previous_data = excluded.sample_previous_data,
         archived = excluded.archived, updated_at = excluded.updated_at";
    let values: &Values<'_> = &[
        &tenant,
        &name,
        &declared.description.as_deref().map(str::as_bytes),
        &declared.schema.as_deref(),
        &declared.sample.as_deref(),
        &declared.sample_previous_data.as_deref(),
        &declared.archived,
        &micros(declared.created_at),
        &micros(declared.updated_at),
    ];
    session.execute(sql, values).await?;
    Ok(if stands { Declared::Replaced } else { Declared::Created })
}

/// How many types the tenant has, and how long their schemas are together.
async fn extent(session: &Session, tenant: TenantId) -> StoreResult<(usize, usize)> {
    let sql =
        "SELECT count(*), coalesce(sum(octet_length(schema)), 0)::int8 FROM event_types WHERE tenant = $1";
    let row = session.one(sql, &[&Id::from(tenant)]).await?;
    let number = |column| row::count_of(&row, column).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    Ok((number(0)?, number(1)?))
}

/// All or none: what is over a bound is undone.
async fn declare(
    session: &Session,
    tenant: TenantId,
    types: &[DeclaredType],
    replace: bool,
) -> StoreResult<TypesDeclared> {
    if tenants::version(session, tenant).await?.is_none() {
        return Ok(TypesDeclared::NotFound);
    }
    session.batch("SAVEPOINT declared").await?;
    let mut done = Vec::with_capacity(types.len());
    for declared in types {
        done.push(put(session, tenant, declared, replace).await?);
    }
    let (rows, bytes) = extent(session, tenant).await?;
    if rows > EVENT_TYPES_MAX || bytes > SCHEMAS_BYTES_MAX {
        session.batch("ROLLBACK TO declared; RELEASE declared").await?;
        return Ok(if rows > EVENT_TYPES_MAX { TypesDeclared::TooMany } else { TypesDeclared::TooLarge });
    }
    session.batch("RELEASE declared").await?;
    if done.iter().any(|one| *one != Declared::Kept) {
        tenants::types_changed(session, tenant).await?;
    }
    Ok(TypesDeclared::Done(done))
}

async fn in_force(
    session: &Session,
    tenant: TenantId,
    known: Option<u64>,
) -> StoreResult<Option<TypesInForce>> {
    let sql = "SELECT types_version, settings FROM tenants WHERE id = $1 AND deleted_at IS NULL";
    let Some(row) = session.first(sql, &[&Id::from(tenant)]).await? else { return Ok(None) };
    let version = row::count_of(&row, 0)?;
    if known == Some(version) {
        return Ok(None);
    }
    let rules = tenants::settings(&row, 1)?.event_types;
    let mut found = TypesInForce { version, rules, types: Vec::new() };
    let checked = rules.validation != Validation::Off;
    if checked || rules.strict {
        let sql =
            "SELECT name, CASE WHEN $2 THEN schema END FROM event_types WHERE tenant = $1 AND NOT archived";
        for row in session.query(sql, &[&Id::from(tenant), &checked]).await? {
            let schema: Option<&str> = row.try_get(1)?;
            found.types.push((row::event_type(&row, 0)?, schema.map(Into::into)));
        }
    }
    Ok(Some(found))
}

#[async_trait]
impl EventTypes for PostgresStore {
    async fn declare_types(
        &self,
        tenant: TenantId,
        types: &[DeclaredType],
        replace: bool,
    ) -> StoreResult<TypesDeclared> {
        let types = types.to_vec();
        self.write(move |session| Box::pin(async move { declare(session, tenant, &types, replace).await }))
            .await
    }

    async fn declared_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<Option<DeclaredType>> {
        let name = name.clone();
        self.read(move |session| {
            Box::pin(async move {
                let sql =
                    "SELECT name, description, schema, sample, sample_previous_data, archived, created_at,
                     updated_at FROM event_types WHERE tenant = $1 AND name = $2";
                let found = session.first(sql, &[&Id::from(tenant), &name.as_str()]).await?;
                found.map(|row| declared(&row)).transpose()
            })
        })
        .await
    }

    async fn declared_types(&self, tenant: TenantId) -> StoreResult<Vec<ListedType>> {
        self.read(move |session| {
            Box::pin(async move {
                let sql =
                    "SELECT name, description, schema IS NOT NULL, sample IS NOT NULL, archived, created_at,
                     updated_at FROM event_types WHERE tenant = $1 ORDER BY name";
                session.query(sql, &[&Id::from(tenant)]).await?.iter().map(listed).collect()
            })
        })
        .await
    }

    async fn delete_type(&self, tenant: TenantId, name: &EventType) -> StoreResult<bool> {
        let name = name.clone();
        self.write(move |session| {
            Box::pin(async move {
                let sql = "DELETE FROM event_types WHERE tenant = $1 AND name = $2";
                let deleted = session.execute(sql, &[&Id::from(tenant), &name.as_str()]).await?;
                if deleted > 0 {
                    tenants::types_changed(session, tenant).await?;
                }
                Ok(deleted > 0)
            })
        })
        .await
    }

    async fn types_in_force(
        &self,
        tenant: TenantId,
        known: Option<u64>,
    ) -> StoreResult<Option<TypesInForce>> {
        self.read_moment(move |session| Box::pin(in_force(session, tenant, known))).await
    }
}
