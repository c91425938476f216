-- Types that grew in every dump of a process, of which there are three at least. The command suspects weighs more.
--
-- process: The first dump of the process.
-- type_name: The type.
-- dumps: How many dumps of the process there are.
-- count_first: Objects in the first one.
-- count_last: Objects in the last one.
-- count_growth: Last minus first.
-- bytes_growth: Growth of the shallow bytes.
-- per_minute: Growth of the count per minute; NULL if the time is not known.
CREATE VIEW suspects AS
SELECT s.process, g.type_name, s.dumps,
       max(CASE WHEN g.previous = s.process THEN g.count_before END) AS count_first,
       max(CASE WHEN g.dump = s.last THEN g.count_after END) AS count_last,
       sum(g.count_growth) AS count_growth, sum(g.bytes_growth) AS bytes_growth,
       round(sum(g.count_growth) / nullif(s.minutes, 0), 1) AS per_minute
FROM (SELECT process, count(*) AS dumps, max(id) AS last,
             (julianday(max(time)) - julianday(min(time))) * 1440 AS minutes
      FROM dump GROUP BY process) AS s
JOIN dump AS d ON d.process = s.process
JOIN growth AS g ON g.dump = d.id
WHERE s.dumps >= 3
GROUP BY s.process, g.type_name
HAVING min(g.count_growth) > 0 AND count(*) = s.dumps - 1;
