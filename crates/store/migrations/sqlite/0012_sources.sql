-- Where inbound webhooks come from. sealed: encrypted secrets.
CREATE TABLE sources (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    active INTEGER NOT NULL CHECK (active BETWEEN 0 AND 1),
    config TEXT NOT NULL,
    sealed BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX sources_by_tenant ON sources (tenant, id);
CREATE INDEX sources_expiring ON sources (expires_at) WHERE expires_at IS NOT NULL;

-- hash is the keyed hash of user name and password together; the password itself is nowhere.
CREATE TABLE credentials (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    source BLOB NOT NULL CHECK (length(source) = 16),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    name TEXT NOT NULL,
    environment TEXT,
    username TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_by_source ON credentials (source, id);
CREATE INDEX credentials_revoked ON credentials (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX credentials_expiring ON credentials (expires_at) WHERE expires_at IS NOT NULL;

-- A request that a source accepted is its event: what is kept beside the body stands here and not with the payload, so that
-- reading it does not walk over the body. Both are NULL for events that were published.
ALTER TABLE events ADD COLUMN source BLOB;
ALTER TABLE events ADD COLUMN arrival BLOB;
CREATE INDEX events_by_source ON events (source, id) WHERE source IS NOT NULL;
