-- Ordered rules that send events to webhooks. config holds the webhooks; those deleted meanwhile stay in it and count for nothing.
-- position runs from 0 without gaps.
CREATE TABLE routes (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    position INTEGER NOT NULL CHECK (position >= 0),
    config TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX routes_by_tenant ON routes (tenant, position);

-- Every state that a route has had, by the tenant's configuration version (engine rule E21); one without config was its end.
-- Append-only.
CREATE TABLE route_revisions (
    route BLOB NOT NULL,
    version INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    position INTEGER NOT NULL,
    config TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (route, version)
) STRICT;
CREATE INDEX route_revisions_by_tenant ON route_revisions (tenant, version);
