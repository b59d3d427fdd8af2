-- Cases 01 and 11: a database with a subscription and user mappings that hold passwords, hidden
-- rows, and a role with the documented rights but BYPASSRLS.
CREATE ROLE g_owner LOGIN;
CREATE ROLE g_ro NOLOGIN;
GRANT g_ro TO g_owner;
CREATE SCHEMA app AUTHORIZATION g_owner;
CREATE SCHEMA "We Ird";
SET ROLE g_owner;
CREATE TABLE app.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
INSERT INTO app.t (v) SELECT 'v' || i FROM generate_series(1, 1000) i;
RESET ROLE;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.t FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t FOR SELECT TO g_ro USING (id % 2 = 0);
CREATE SUBSCRIPTION sub_x CONNECTION 'host=127.0.0.1 port=1 dbname=x password=verysecret'
  PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE SUBSCRIPTION sub_free CONNECTION 'host=127.0.0.1 port=1 dbname=x'
  PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE ROLE backup LOGIN;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER fs FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'x');
CREATE USER MAPPING FOR g_owner SERVER fs OPTIONS (user 'u', password 'umsecret');
CREATE USER MAPPING FOR public SERVER fs OPTIONS (user 'pub', password 'pubsecret');
CREATE USER MAPPING FOR g_ro SERVER fs OPTIONS (user 'free', password_required 'false');
CREATE FOREIGN TABLE app.ft (a int) SERVER fs;
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER os FOREIGN DATA WRAPPER other OPTIONS (url 'http://me:ossecret@h/x');
CREATE FOREIGN TABLE app.oft (a int) SERVER os OPTIONS (api_key 'ftsecret');
ALTER ROLE g_ro SET app.token = 'gucsecret';
GRANT USAGE ON SCHEMA app, "We Ird", public TO backup;
GRANT SELECT, TRUNCATE ON ALL TABLES IN SCHEMA app TO backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO backup;
