-- Event types that tenants declared. JSON texts as they came. types_version: the configuration version at which what
-- publishing demands of event types last changed; 0 for never.
CREATE TABLE event_types (
    tenant BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    schema TEXT,
    sample TEXT,
    sample_previous_data TEXT,
    archived INTEGER NOT NULL CHECK (archived BETWEEN 0 AND 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT;
ALTER TABLE tenants ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN types_version INTEGER NOT NULL DEFAULT 0;

-- The webhooks that deliver messages: one for each tenant, callback URL and secret. The hash of the three is keyed.
CREATE TABLE conversation_webhooks (
    key_hash BLOB NOT NULL PRIMARY KEY CHECK (length(key_hash) = 32),
    tenant BLOB NOT NULL,
    webhook BLOB NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- key: a UUIDv7 made here, for the order of lists. id may be the caller's and may be used anew after a deletion.
CREATE TABLE conversations (
    key BLOB NOT NULL PRIMARY KEY CHECK (length(key) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    channel TEXT NOT NULL,
    usecase TEXT NOT NULL,
    workflow_id TEXT,
    callback_url TEXT NOT NULL,
    signed INTEGER NOT NULL CHECK (signed BETWEEN 0 AND 1),
    webhook BLOB NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX conversations_by_id ON conversations (id, tenant) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_tenant ON conversations (tenant, key) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_webhook ON conversations (webhook) WHERE deleted_at IS NULL;
CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

-- event: the one that its creation fired, with which it goes by retention. conversation: the key.
CREATE TABLE messages (
    event BLOB NOT NULL PRIMARY KEY CHECK (length(event) = 16),
    id BLOB NOT NULL CHECK (length(id) = 16),
    tenant BLOB NOT NULL,
    conversation BLOB NOT NULL,
    content TEXT NOT NULL,
    content_type TEXT NOT NULL,
    filename TEXT,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    status TEXT NOT NULL,
    metadata TEXT,
    created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_by_id ON messages (id, tenant);
CREATE INDEX messages_by_conversation ON messages (conversation, event);

-- Which message a delivery is about, for as long as the delivery is kept. Both ids are those that callers know.
CREATE TABLE message_deliveries (
    delivery BLOB NOT NULL PRIMARY KEY,
    event BLOB NOT NULL,
    tenant BLOB NOT NULL,
    conversation BLOB NOT NULL,
    message BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_deliveries_by_conversation ON message_deliveries (conversation, tenant, delivery);
CREATE INDEX message_deliveries_by_message ON message_deliveries (message, tenant, delivery);
