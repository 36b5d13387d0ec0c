-- The batch that a delivery was attempted in and stays in until it is final (engine rule E23); NULL for all others. It comes
-- with the first failure, in the statement that sets the due time: the members of a batch are always due at the same time.
ALTER TABLE pending ADD COLUMN batch UUID;
