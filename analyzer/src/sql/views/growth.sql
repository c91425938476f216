-- What grew between each dump and the one before of the same process, per type.
--
-- dump: The later dump.
-- previous: The earlier one.
-- type_name: The type.
-- count_before: Objects in the earlier dump.
-- count_after: Objects in the later dump.
-- count_growth: After minus before.
-- bytes_before: Shallow bytes in the earlier dump.
-- bytes_after: Shallow bytes in the later dump.
-- bytes_growth: After minus before.
-- new_count: Objects in the later dump only.
-- gone_count: Objects in the earlier dump only.
CREATE VIEW growth AS
SELECT d.id AS dump, d.previous, t.name AS type_name,
       coalesce(p.count, 0) AS count_before, t.count AS count_after, t.count - coalesce(p.count, 0) AS count_growth,
       coalesce(p.bytes, 0) AS bytes_before, t.bytes AS bytes_after, t.bytes - coalesce(p.bytes, 0) AS bytes_growth,
       t.new_count, coalesce(p.count, 0) - t.count + t.new_count AS gone_count
FROM dump AS d
JOIN type AS t ON t.dump = d.id
LEFT JOIN type AS p ON p.dump = d.previous AND p.name = t.name
WHERE d.previous IS NOT NULL
UNION ALL
-- Types that the later dump does not know.
SELECT d.id, d.previous, p.name, p.count, 0, -p.count, p.bytes, 0, -p.bytes, 0, p.count
FROM dump AS d
JOIN type AS p ON p.dump = d.previous
WHERE NOT EXISTS (SELECT 1 FROM type AS t WHERE t.dump = d.id AND t.name = p.name);
