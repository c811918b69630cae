/*
 * Positions are given under one advisory lock that is held until the commit, so whoever sees a position sees all below it.
 * A group travels in one call: no client can stall while it holds the lock.
 * Every index of `events` grows at its right-hand edge (streams get rising numbers), which keeps appends flat as the log grows.
 * Known ids are looked for among a stream's first 8 events by reading them, beyond that in an index: most streams stay
 * short, so most events need no entry there.
 */

/** Which appends of a group are refused or known already, for the rare group that has one. Refusing one refuses its whole unit. */
export const judgeGroup = `
CREATE FUNCTION judge_group(
  a_unit int[], a_expected int[], a_size int[], e_append int[], e_id uuid[], known bigint[], held int[],
  OUT outcomes int[], OUT versions int[], OUT positions bigint[]
) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off
AS $$
DECLARE
  written CONSTANT int := 0; duplicate CONSTANT int := 1; conflict CONSTANT int := 2; partly CONSTANT int := 3; spoiled CONSTANT int := 4;
  n CONSTANT int := cardinality(a_unit);
  failed int[] := '{}';
  found record;
BEGIN
  outcomes := array_fill(written, ARRAY[n]);
  versions := held;
  positions := array_fill(0, ARRAY[n]);
  FOR found IN
    SELECT x.append, count(*)::int AS n, max(e.version) AS version, max(e.position) AS position
      FROM unnest(e_append, e_id) AS x (append, id)
     CROSS JOIN LATERAL (
       (SELECT f.version, f.position FROM event_store.events f WHERE f.stream_id = known[x.append] AND f.version <= 8 AND f.id = x.id)
       UNION ALL
       (SELECT f.version, f.position FROM event_store.events f
         WHERE held[x.append] > 8 AND f.stream_id = known[x.append] AND f.version > 8 AND f.id = x.id)
     ) e
     GROUP BY x.append
  LOOP
    IF found.n = a_size[found.append] THEN
      outcomes[found.append] := duplicate;
      versions[found.append] := found.version;
      positions[found.append] := found.position;
    ELSE
      outcomes[found.append] := partly;
      versions[found.append] := found.n;
    END IF;
  END LOOP;
  FOR i IN 1..n LOOP
    IF outcomes[i] = written AND a_expected[i] >= 0 AND a_expected[i] <> held[i] THEN
      outcomes[i] := conflict;
    END IF;
    IF outcomes[i] > duplicate THEN
      failed := failed || a_unit[i];
    END IF;
  END LOOP;
  FOR i IN 1..n LOOP
    IF outcomes[i] <= duplicate AND a_unit[i] = ANY (failed) THEN
      outcomes[i] := spoiled;
    END IF;
  END LOOP;
END $$`;

/** Into `held` each stream's version, into `to_judge` whether an append is known already or not as expected. `ids`: the variable with the streams' ids. */
export const look = (ids: 'known' | 'ids'): string => `    SELECT h.held,
           EXISTS (SELECT FROM unnest(a_expected, h.held) AS j (expected, held) WHERE j.expected >= 0 AND j.expected <> j.held)
           OR EXISTS (
             SELECT FROM unnest(e_append, e_id) AS x (append, id)
              WHERE (SELECT f.version FROM event_store.events f WHERE f.stream_id = ${ids}[x.append] AND f.version <= 8 AND f.id = x.id LIMIT 1) > 0
                 OR (h.held[x.append] > 8 AND
                     (SELECT f.version FROM event_store.events f WHERE f.stream_id = ${ids}[x.append] AND f.version > 8 AND f.id = x.id LIMIT 1) > 0))
      INTO held, to_judge
      FROM (SELECT ARRAY(
        SELECT coalesce((SELECT e.version FROM event_store.events e WHERE e.stream_id = k.id ORDER BY e.stream_id DESC, e.version DESC LIMIT 1), 0)
          FROM unnest(${ids}) AS k (id)) AS held OFFSET 0) h;
`;

/**
 * Appends a group of which each append is judged by itself. What a small group costs is the start of statements and expressions
 * rather than the work in them, so there are few. The head and the streams come in one look. What is there already, or expected to be,
 * is looked at in one more; only when that finds something to refuse or to recognise is each append judged. Looks are scalar
 * subqueries: the planner can make no join or hash of them, whatever it takes the tables' size to be. Arrays are unnested in the target
 * list, which keeps no copy of them.
 */
export const appendGroup = `
CREATE FUNCTION append_group(
  a_unit int[], a_stream text[], a_expected int[], a_size int[],
  e_append int[], e_index int[], e_id uuid[], e_type text[], e_data json[], e_personal json[], e_metadata json[], e_recorded timestamptz[],
  OUT outcomes int[], OUT versions int[], OUT positions bigint[]
) LANGUAGE plpgsql
SET lock_timeout = '5s' SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
  n CONSTANT int := cardinality(a_stream);
  head bigint;
  known bigint[]; -- the streams' ids, 0 = without events
  ids bigint[];
  held int[];
  offsets bigint[];
  to_judge boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7234017283807667300);

  SELECT coalesce((SELECT e.position FROM event_store.events e ORDER BY e.position DESC LIMIT 1), 0),
         ARRAY(SELECT coalesce((SELECT s.id FROM event_store.streams s WHERE s.name = a.name), 0) FROM unnest(a_stream) AS a (name))
    INTO head, known;
  outcomes := array_fill(0, ARRAY[n]); -- all written
  held := outcomes;

  IF 0 < ANY (known) OR 0 < ANY (a_expected) THEN
${look('known')}    IF to_judge THEN
      SELECT j.outcomes, j.versions, j.positions INTO outcomes, versions, positions
        FROM event_store.judge_group(a_unit, a_expected, a_size, e_append, e_id, known, held) j;
    END IF;
  END IF;

  ids := known;
  FOR i IN 1..n LOOP
    IF outcomes[i] = 0 THEN
      IF ids[i] = 0 THEN
        ids[i] := nextval('event_store.stream_ids');
      END IF;
      offsets[i] := head;
      head := head + a_size[i];
      versions[i] := held[i] + a_size[i];
      positions[i] := head;
    END IF;
  END LOOP;

  IF 0 = ANY (known) THEN
    INSERT INTO event_store.streams (id, name)
    SELECT ids[i], a_stream[i] FROM generate_series(1, n) i WHERE known[i] = 0 AND ids[i] > 0;
  END IF;
  INSERT INTO event_store.events (position, stream_id, version, id, recorded_at, category, stream, type, data, personal, metadata)
  SELECT offsets[x.append] + x.index, ids[x.append], held[x.append] + x.index, x.id, coalesce(x.recorded, clock_timestamp()),
         split_part(a_stream[x.append], '-', 1), a_stream[x.append], x.type, x.data, x.personal, x.metadata
    FROM (SELECT unnest(e_append) AS append, unnest(e_index) AS index, unnest(e_id) AS id, unnest(e_type) AS type, unnest(e_data) AS data,
                 unnest(e_personal) AS personal, unnest(e_metadata) AS metadata, unnest(e_recorded) AS recorded) x
   WHERE outcomes[x.append] = 0;
END $$`;

/**
 * Appends a group of which all is to be written, which nearly every group is, for less: without a loop, and where all streams are
 * expected to be new they are inserted without looking first. Where an append is known already or not as expected it writes nothing
 * and returns NULL: `append_group` is to judge. Returns the last position before, then each stream's version before. `a_before`:
 * events of the group before each append's. A stream's id is 2^40 + the position of its first event: rising as positions do, and apart
 * from the ids that `append_group` gives.
 */
export const writeGroup = `
CREATE OR REPLACE FUNCTION write_group(
  a_stream text[], a_expected int[], a_before int[], e_append int[], e_index int[],
  e_id uuid[], e_type text[], e_data json[], e_personal json[], e_metadata json[], e_recorded timestamptz[]
) RETURNS bigint[] LANGUAGE plpgsql
SET lock_timeout = '5s' SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
  head bigint;
  ids bigint[]; -- 0 = without events
  held bigint[];
  to_judge boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(7234017283807667300);

  SELECT coalesce((SELECT e.position FROM event_store.events e ORDER BY e.position DESC LIMIT 1), 0) INTO head;
  ids := array_fill(0::bigint, ARRAY[cardinality(a_stream)]);
  held := ids;

  IF 0 <> ANY (a_expected) THEN
    ids := ARRAY(SELECT coalesce((SELECT s.id FROM event_store.streams s WHERE s.name = a.name), 0) FROM unnest(a_stream) AS a (name));
${look('ids')}    IF to_judge THEN
      RETURN NULL;
    END IF;
  END IF;

  IF 0 = ANY (ids) THEN
    BEGIN
      INSERT INTO event_store.streams (id, name)
      SELECT 1099511627777 + head + a.before, a.name
        FROM (SELECT unnest(ids) AS id, unnest(a_before) AS before, unnest(a_stream) AS name) a WHERE a.id = 0;
    EXCEPTION WHEN unique_violation THEN
      RETURN NULL; -- one was not new
    END;
  END IF;
  INSERT INTO event_store.events (position, stream_id, version, id, recorded_at, category, stream, type, data, personal, metadata)
  SELECT head + x.place, coalesce(nullif(ids[x.append], 0), 1099511627777 + head + a_before[x.append]), held[x.append] + x.index,
         x.id, coalesce(x.recorded, clock_timestamp()),
         split_part(a_stream[x.append], '-', 1), a_stream[x.append], x.type, x.data, x.personal, x.metadata
    FROM (SELECT generate_subscripts(e_append, 1) AS place, unnest(e_append) AS append, unnest(e_index) AS index, unnest(e_id) AS id, unnest(e_type) AS type,
                 unnest(e_data) AS data, unnest(e_personal) AS personal, unnest(e_metadata) AS metadata, unnest(e_recorded) AS recorded) x;
  RETURN head || held;
END $$`;
