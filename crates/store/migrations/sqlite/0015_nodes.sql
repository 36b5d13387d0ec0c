-- Nodes are of databases that several processes share. One process has this one.
SELECT 1;
