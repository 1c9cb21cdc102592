export { type Mongo, openMongo } from './mongo.js';
export { type MongoOptions, mongoOptions, type Setting } from './options.js';
