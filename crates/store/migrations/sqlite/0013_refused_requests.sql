-- Requests that were refused, for those who look into why. Those that no source matched have neither tenant nor source.
-- bytes: what the row holds, for the bound of its source.
CREATE TABLE refused_requests (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant BLOB CHECK (length(tenant) = 16),
    source BLOB CHECK (length(source) = 16),
    received_at INTEGER NOT NULL,
    peer TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    headers TEXT NOT NULL,
    content_type TEXT,
    body BLOB NOT NULL,
    body_bytes INTEGER NOT NULL,
    body_us INTEGER NOT NULL,
    total_us INTEGER NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    hidden INTEGER NOT NULL CHECK (hidden BETWEEN 0 AND 1),
    status INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    CHECK (source IS NULL OR tenant IS NOT NULL)
) STRICT;
CREATE INDEX refused_requests_by_source ON refused_requests (source, id, bytes);
