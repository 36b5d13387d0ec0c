-- Event types that tenants declared. JSON texts as they came. types_version: the configuration version at which what
-- publishing demands of event types last changed; 0 for never.
CREATE TABLE event_types (
    tenant UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    description BYTEA,
    schema TEXT,
    sample TEXT,
    sample_previous_data TEXT,
    archived BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
ALTER TABLE tenants ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN types_version BIGINT NOT NULL DEFAULT 0;

-- The webhooks that deliver messages: one for each tenant, callback URL and secret. The hash of the three is keyed.
CREATE TABLE conversation_webhooks (
    key_hash BYTEA PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    tenant UUID NOT NULL,
    webhook UUID NOT NULL UNIQUE
);

-- key: a UUIDv7 made here, for the order of lists. id may be the caller's and may be used anew after a deletion.
CREATE TABLE conversations (
    key UUID PRIMARY KEY,
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    channel TEXT NOT NULL,
    usecase BYTEA NOT NULL,
    workflow_id BYTEA,
    callback_url TEXT NOT NULL,
    signed BOOLEAN NOT NULL,
    webhook UUID NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX conversations_by_id ON conversations (id, tenant) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_tenant ON conversations (tenant, key) WHERE deleted_at IS NULL;
CREATE INDEX conversations_by_webhook ON conversations (webhook) WHERE deleted_at IS NULL;
CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

-- event: the one that its creation fired, with which it goes by retention. conversation: the key.
CREATE TABLE messages (
    event UUID PRIMARY KEY,
    id UUID NOT NULL,
    tenant UUID NOT NULL,
    conversation UUID NOT NULL,
    content BYTEA NOT NULL,
    content_type TEXT NOT NULL,
    filename BYTEA,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    status TEXT NOT NULL,
    metadata TEXT,
    created_by BYTEA NOT NULL,
    updated_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    revision BIGINT NOT NULL
);
CREATE UNIQUE INDEX messages_by_id ON messages (id, tenant);
CREATE INDEX messages_by_conversation ON messages (conversation, event);

-- Which message a delivery is about, for as long as the delivery is kept. Both ids are those that callers know.
CREATE TABLE message_deliveries (
    delivery UUID PRIMARY KEY,
    event UUID NOT NULL,
    tenant UUID NOT NULL,
    conversation UUID NOT NULL,
    message UUID NOT NULL
);
CREATE INDEX message_deliveries_by_conversation ON message_deliveries (conversation, tenant, delivery);
CREATE INDEX message_deliveries_by_message ON message_deliveries (message, tenant, delivery);
