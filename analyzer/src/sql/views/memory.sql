-- What the heap explains of the process's memory, per dump.
--
-- dump: The dump.
-- time: When it was taken.
-- objects: Objects.
-- object_bytes: Their shallow bytes.
-- rss_bytes: Resident memory of the process.
-- explained: The part of it that the objects are, in percent.
CREATE VIEW memory AS
SELECT id AS dump, time, objects, object_bytes, rss_bytes, round(100.0 * object_bytes / rss_bytes, 1) AS explained
FROM dump;
