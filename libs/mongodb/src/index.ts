export { type Mongo, openMongo } from './mongo.js';
export { type MongoOptions, mongoOptions } from './options.js';
