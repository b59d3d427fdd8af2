-- functions that need a search_path. create database sp. Compare with pg_dump | pg_restore: what it can restore must be restored; what it cannot must fail clearly
create schema app; set search_path=app,public; create extension unaccent schema app; create extension hstore schema app; create extension citext schema app; create extension cube schema app; create extension earthdistance schema app;
create table places(id int primary key, lat float8, lon float8, n citext, h hstore); insert into places select i, 50+i/1000.0, 8, 'N'||i, hstore('k',i::text) from generate_series(1,50) i;
create index on places using gist (ll_to_earth(lat,lon)); create index on places(n); create index on places using gin(h);
create function norm(t text) returns text language sql immutable as $$ select lower(unaccent(t)) $$;
create table n(t text); insert into n values ('É'),('ü'); 
create index n_i on n (norm(t));
