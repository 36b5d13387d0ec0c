-- Where inbound webhooks come from. sealed: encrypted secrets.
CREATE TABLE sources (
    id UUID PRIMARY KEY,
    tenant UUID NOT NULL,
    active BOOLEAN NOT NULL,
    config TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX sources_by_tenant ON sources (tenant, id);
CREATE INDEX sources_expiring ON sources (expires_at) WHERE expires_at IS NOT NULL;

-- hash is the keyed hash of user name and password together; the password itself is nowhere.
CREATE TABLE credentials (
    id UUID PRIMARY KEY,
    tenant UUID NOT NULL,
    source UUID NOT NULL,
    hash BYTEA NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    name BYTEA NOT NULL,
    environment BYTEA,
    username BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX credentials_by_source ON credentials (source, id);
CREATE INDEX credentials_revoked ON credentials (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX credentials_expiring ON credentials (expires_at) WHERE expires_at IS NOT NULL;

-- A request that a source accepted is its event: what is kept beside the body stands here and not with the payload, so that
-- reading it does not walk over the body. Both are NULL for events that were published.
ALTER TABLE events ADD COLUMN source UUID, ADD COLUMN arrival BYTEA;
CREATE INDEX events_by_source ON events (source, tenant, id) WHERE source IS NOT NULL;
