// The same four requests as an ordinary Fastify server answers them, with one of two drivers:
// server.js pg|postgres PORT SOCKET_DIR DATABASE TOKEN. No row-level security, the token in memory.
'use strict';
const cluster = require('node:cluster');
const crypto = require('node:crypto');

const [driver, port, host, database, token] = process.argv.slice(2);
const WORKERS = 2;

function openPg() {
    const pool = new (require('pg').Pool)({ host, database, user: 'postgres', max: 10 });
    return {
        school: async (id) =>
            (await pool.query({ name: 'school', text: 'SELECT doc, version FROM school WHERE id = $1',
                values: [id] })).rows[0],
        page: async (clusterId, limit) =>
            (await pool.query({ name: 'page',
                text: 'SELECT doc FROM school WHERE cluster_id = $1 ORDER BY id LIMIT $2',
                values: [clusterId, limit] })).rows,
        insert: (id, doc) =>
            pool.query({ name: 'insert',
                text: 'INSERT INTO meeting (id, version, doc) VALUES ($1, 1, $2)',
                values: [id, JSON.stringify(doc)] }),
    };
}

function openPostgres() {
    const sql = require('postgres')({ host, database, user: 'postgres', max: 10 });
    return {
        school: async (id) => (await sql`SELECT doc, version FROM school WHERE id = ${id}`)[0],
        page: (clusterId, limit) =>
            sql`SELECT doc FROM school WHERE cluster_id = ${clusterId} ORDER BY id LIMIT ${limit}`,
        insert: (id, doc) =>
            sql`INSERT INTO meeting (id, version, doc) VALUES (${id}, 1, ${sql.json(doc)})`,
    };
}

const text = { type: 'string' };
const meetingBody = {
    type: 'object',
    required: ['kind', 'held_on', 'location', 'topics'],
    additionalProperties: false,
    properties: {
        kind: { type: 'string', enum: ['cluster', 'additional'] },
        cluster_id: text,
        held_on: text,
        start_time: text,
        location: { type: 'string', minLength: 1, maxLength: 300 },
        host_school_id: text,
        topics: { type: 'array', minItems: 1, maxItems: 50, items: text },
        notes: { type: 'string', maxLength: 20000 },
    },
};

function refuse(reply, status, title) {
    return reply.code(status).type('application/problem+json').send({ status, title });
}

function serve() {
    const store = driver === 'pg' ? openPg() : openPostgres();
    const tokens = new Map([[`Bearer ${token}`, 'head_office']]);
    const server = require('fastify')();

    server.addHook('onRequest', async (request, reply) => {
        if (!tokens.has(request.headers.authorization)) return refuse(reply, 401, 'A token is needed');
    });
    server.get('/v1/schools/:id', async (request, reply) => {
        const row = await store.school(request.params.id);
        if (!row) return refuse(reply, 404, 'Not found');
        return reply.header('ETag', `"${row.version}"`).send(row.doc);
    });
    server.get('/v1/schools', async (request, reply) => {
        const limit = Number(request.query.limit);
        const rows = await store.page(request.query.cluster_id, limit + 1);
        const next = rows.length > limit ? rows[limit - 1].doc.id : null;
        return reply.send({ items: rows.slice(0, limit).map((row) => row.doc), next });
    });
    server.post('/v1/meetings', { schema: { body: meetingBody } }, async (request, reply) => {
        const now = new Date().toISOString();
        const id = crypto.randomUUID();
        const doc = { id, version: 1, created_at: now, updated_at: now, ...request.body,
            academic_year: '2026/27', term: 'autumn' };
        await store.insert(id, doc);
        return reply.code(201).header('Location', `/v1/meetings/${id}`).send(doc);
    });
    server.listen({ host: '127.0.0.1', port: Number(port) });
}

if (cluster.isPrimary) {
    for (let i = 0; i < WORKERS; i++) cluster.fork();
    process.on('SIGTERM', () => process.exit(0));
} else {
    serve();
}
