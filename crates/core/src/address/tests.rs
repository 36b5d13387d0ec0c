mod allow_rule;
mod policy;
mod rows;
mod table;
