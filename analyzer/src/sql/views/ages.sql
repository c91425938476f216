-- How old objects are: per dump and type, how many were born in which earlier dump of the process.
--
-- dump: The dump that has them.
-- born: The earliest dump that has them.
-- type_name: Their type.
-- count: Objects.
-- bytes: Their shallow bytes.
CREATE VIEW ages AS
SELECT a.dump, a.born, t.name AS type_name, a.count, a.bytes
FROM (SELECT dump, born, type, count(*) AS count, sum(size) AS bytes FROM object GROUP BY dump, born, type) AS a
JOIN type AS t ON t.dump = a.dump AND t.id = a.type;
