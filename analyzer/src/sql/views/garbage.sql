-- What only a collection of the cyclic collector could still free, per type.
--
-- dump: The dump.
-- type_name: The type.
-- count: Objects.
-- bytes: Their shallow bytes.
CREATE VIEW garbage AS
SELECT g.dump, t.name AS type_name, g.count, g.bytes
FROM (SELECT dump, type, count(*) AS count, sum(size) AS bytes FROM object WHERE held = 'garbage' GROUP BY dump, type) AS g
JOIN type AS t ON t.dump = g.dump AND t.id = g.type;
