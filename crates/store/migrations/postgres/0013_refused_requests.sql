-- Requests that were refused, for those who look into why. Those that no source matched have neither tenant nor source.
-- bytes: what the row holds, for the bound of its source.
CREATE TABLE refused_requests (
    id UUID PRIMARY KEY,
    tenant UUID,
    source UUID,
    received_at BIGINT NOT NULL,
    peer TEXT NOT NULL,
    method BYTEA NOT NULL,
    path BYTEA NOT NULL,
    headers TEXT NOT NULL,
    content_type BYTEA,
    body BYTEA NOT NULL,
    body_bytes BIGINT NOT NULL,
    body_us BIGINT NOT NULL,
    total_us BIGINT NOT NULL,
    code TEXT NOT NULL,
    detail BYTEA NOT NULL,
    hidden BOOLEAN NOT NULL,
    status INTEGER NOT NULL,
    bytes BIGINT NOT NULL,
    CHECK (source IS NULL OR tenant IS NOT NULL)
);
ALTER TABLE refused_requests ALTER body SET STORAGE EXTERNAL;
CREATE INDEX refused_requests_by_source ON refused_requests (source, id) INCLUDE (bytes);
