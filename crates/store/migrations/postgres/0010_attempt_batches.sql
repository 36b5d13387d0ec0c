-- The batch that an attempt was of (engine rule E23); NULL for all others. A finished delivery shows that of its last attempt.
ALTER TABLE attempts ADD COLUMN batch UUID;
