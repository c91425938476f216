-- The three-snapshot technique: what came after the first dump of a process, before the last one, and is still there.
--
-- dump: The last dump of the process.
-- born: The earliest dump that has them, neither the first nor the last.
-- type_name: Their type.
-- count: Objects.
-- bytes: Their shallow bytes.
CREATE VIEW survivors AS
SELECT a.dump, a.born, a.type_name, a.count, a.bytes
FROM dump AS d
JOIN ages AS a ON a.dump = d.id
WHERE a.born > d.process AND a.born < d.id
  AND NOT EXISTS (SELECT 1 FROM dump AS later WHERE later.previous = d.id);
