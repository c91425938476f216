-- The frames of every thread, and what their variables hold.
--
-- dump: The dump.
-- thread: The thread's name.
-- depth: How many callers up from the innermost frame.
-- function: The function and its file.
-- line: The line that was being executed.
-- label: The variable: <local req>.
-- object: The object that it holds; NULL if the frame holds none.
-- type_name: Its type.
-- retained: What would be freed with it, in bytes.
CREATE VIEW threads AS
SELECT r.dump, r.thread, r.depth, r.name AS function, r.line, r.label, r.object, t.name AS type_name, o.retained
FROM root AS r
LEFT JOIN object AS o ON o.dump = r.dump AND o.id = r.object
LEFT JOIN type AS t ON t.dump = o.dump AND t.id = o.type
WHERE r.kind = 'frame';
