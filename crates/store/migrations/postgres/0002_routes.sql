-- Ordered rules that send events to webhooks. config holds the webhooks; those deleted meanwhile stay in it and count for nothing.
-- position runs from 0 without gaps.
CREATE TABLE routes (
    id UUID PRIMARY KEY,
    tenant UUID NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    config TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX routes_by_tenant ON routes (tenant, position);

-- Every state that a route has had, by the tenant's configuration version (engine rule E21); one without config was its end.
-- Append-only.
CREATE TABLE route_revisions (
    route UUID NOT NULL,
    version BIGINT NOT NULL,
    tenant UUID NOT NULL,
    position INTEGER NOT NULL,
    config TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (route, version)
);
CREATE INDEX route_revisions_by_tenant ON route_revisions (tenant, version);
