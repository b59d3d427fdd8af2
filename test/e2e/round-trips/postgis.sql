CREATE EXTENSION postgis;
CREATE SCHEMA geo;
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
  VALUES (990001, 'mine', 990001, 'PROJCS["x"]', '+proj=longlat +datum=WGS84 +no_defs');
CREATE TABLE geo.places (id serial PRIMARY KEY, at geometry(Point, 4326), area geography);
INSERT INTO geo.places (at, area) SELECT ST_SetSRID(ST_Point(i % 180, i % 80), 4326),
  ST_Buffer(ST_Point(i % 180, i % 80)::geography, 1000) FROM generate_series(1, 200) i;
CREATE INDEX ON geo.places USING gist (at); CREATE INDEX ON geo.places USING gist (area);
CREATE VIEW geo.near AS SELECT a.id, b.id AS other FROM geo.places a JOIN geo.places b ON ST_DWithin(a.at, b.at, 1);
