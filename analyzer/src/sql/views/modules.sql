-- Imported modules, and what would be freed without each.
--
-- dump: The dump.
-- module: Its name.
-- object: The module object.
-- retained: What would be freed with it, in bytes.
-- dominated: How many objects it is the dominator of.
CREATE VIEW modules AS
SELECT r.dump, r.name AS module, r.object, o.retained, o.dominated
FROM root AS r
JOIN object AS o ON o.dump = r.dump AND o.id = r.object
WHERE r.kind = 'module';
